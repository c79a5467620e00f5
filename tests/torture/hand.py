"""A worker for tasks that write one row: it claims, beats and reports as the worker service does.

Unlike that one it never looks at the clock before it acts: only the fences keep a late one out.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from torture.orders import KERNEL, Kind

from grace.contracts.htm import (
    Beat,
    ClaimedTask,
    ClaimTasks,
    ReportTasks,
    RunningAttempt,
    TaskReports,
    TaskUpdate,
    TaskUpdateStatus,
    WorkHint,
)
from grace.kit import GraceError, Received, Runtime, Service, ServiceSettings, main, new_id
from grace.kit.database import TRANSIENT, Pools, lost_connections

_IDLE_SECONDS = 0.5
_BEAT_SECONDS = 0.5
_AGAIN_SECONDS = 0.1
_CALL_SECONDS = 2.0

# As open_receipt and take_over_receipt of the worker. No row: it is done, or a later attempt has it.
OPEN = """
INSERT INTO torture.receipts AS r (task_id, attempt_number, worker_id) VALUES ($1, $2, $3)
ON CONFLICT (task_id) DO UPDATE
   SET attempt_number = excluded.attempt_number, worker_id = excluded.worker_id
 WHERE r.completed_at IS NULL AND r.attempt_number <= excluded.attempt_number
RETURNING task_id
"""
FENCE = " AND attempt_number = $2 AND completed_at IS NULL"
# As complete_receipt, and the effect with it. No row: another attempt took the receipt over.
APPLY = f"""
WITH mine AS (
    UPDATE torture.receipts SET completed_at = clock_timestamp()
     WHERE task_id = $1{FENCE}
    RETURNING attempt_number
)
INSERT INTO torture.effects (task_id, attempt_number, worker_id, granted)
SELECT $1, $2, $3, attempt_number FROM mine
"""
_IS_DONE = "SELECT completed_at IS NOT NULL FROM torture.receipts WHERE task_id = $1"
_NOTE = """
INSERT INTO torture.reports (task_id, attempt_number, worker_id, status)
SELECT task_id, attempt_number, $3, status
  FROM unnest($1::uuid[], $2::integer[], $4::text[]) AS u (task_id, attempt_number, status)
"""

Attempt = tuple[str, int]


class Hand:
    """Carries out what it claims, so many at once."""

    def __init__(self, name: str, slots: int, clock_off: timedelta) -> None:
        self._worker = f"{name}-{new_id()}"
        self._slots = slots
        self._clock_off = clock_off
        self._free = asyncio.Semaphore(slots)
        self._held: set[Attempt] = set()
        self._running: dict[Attempt, asyncio.Task[Any]] = {}
        self._reports: list[TaskUpdate] = []
        self._hinted, self._reported = asyncio.Event(), asyncio.Event()

    async def on_hint(self, _: Received[Any], __: Runtime) -> None:
        """Work waits."""
        self._hinted.set()

    async def claim(self, runtime: Runtime) -> None:
        """Claim as many as there are free slots, until the service stops."""
        self._pool = await Pools().open("worker", runtime.settings, runtime.log)
        while not runtime.stopping.is_set():
            self._hinted.clear()
            free = self._slots - len(self._held)
            tasks = await self._ask(runtime, free) if free > 0 else ()
            self._begin(runtime, tasks)
            if not tasks:
                await _within(_IDLE_SECONDS, self._hinted)

    async def _ask(self, runtime: Runtime, slots: int) -> tuple[ClaimedTask, ...]:
        with suppress(GraceError):
            return (await runtime.call(self._wish(slots), timeout=_CALL_SECONDS)).tasks
        return ()

    def _wish(self, slots: int) -> ClaimTasks:
        return ClaimTasks(worker_id=self._worker, kernels=(KERNEL,), slots=slots)

    def _begin(self, runtime: Runtime, tasks: Sequence[ClaimedTask]) -> None:
        for task in tasks:
            self._held.add((task.task_id, task.attempt_number))
            runtime.soon(self._carry_out(task))

    async def beat(self, runtime: Runtime) -> None:
        """Keep what runs, and stop what is lost."""
        while not runtime.stopping.is_set():
            await _within(_BEAT_SECONDS, runtime.stopping)
            attempts = [RunningAttempt(task_id=i, attempt_number=n) for i, n in self._running]
            if attempts:
                with suppress(GraceError):
                    beat = Beat(worker_id=self._worker, attempts=tuple(attempts))
                    answer = await runtime.call(beat, timeout=_CALL_SECONDS)
                    for each in answer.stop:
                        self._stop((each.task_id, each.attempt_number))

    def _stop(self, attempt: Attempt) -> None:
        work = self._running.get(attempt)
        if work is not None:
            work.cancel()

    async def report(self, runtime: Runtime) -> None:
        """Report whatever has come together since the last report, in one message."""
        while not runtime.stopping.is_set():
            await _within(_IDLE_SECONDS, self._reported)  # or a stop would wait for a report
            self._reported.clear()
            updates, self._reports = self._reports, []
            for start in range(0, len(updates), 500):
                batch = tuple(updates[start : start + 500])
                await self._note(batch)
                await self._say(runtime, batch)
            for update in updates:
                if update.status is not TaskUpdateStatus.started:
                    self._let_go((update.task_id, update.attempt_number))

    async def _say(self, runtime: Runtime, updates: tuple[TaskUpdate, ...]) -> None:
        """By request, with a claim for the hands that it frees; without an answer over the stream."""
        freed = sum(each.status is not TaskUpdateStatus.started for each in updates)
        request = ReportTasks(updates=updates, claim=self._wish(freed) if freed else None)
        try:
            self._begin(runtime, (await runtime.call(request, timeout=_CALL_SECONDS)).tasks)
        except GraceError:
            await runtime.report(TaskReports(updates=updates))

    async def _note(self, updates: tuple[TaskUpdate, ...]) -> None:
        await self._surely(
            "execute",
            _NOTE,
            [each.task_id for each in updates],
            [each.attempt_number for each in updates],
            self._worker,
            [each.status.value for each in updates],
        )

    def _let_go(self, attempt: Attempt) -> None:
        self._held.discard(attempt)
        self._running.pop(attempt, None)
        self._hinted.set()

    async def _carry_out(self, task: ClaimedTask) -> None:
        """Do it; what was stopped or overtaken says nothing."""
        attempt = (task.task_id, task.attempt_number)
        said = False
        try:
            async with self._free:
                self._running[attempt] = asyncio.ensure_future(self._work(task))
                said = await self._running[attempt]
        except asyncio.CancelledError:
            pass
        finally:
            if not said:
                self._let_go(attempt)

    async def _work(self, task: ClaimedTask) -> bool:
        """Whether there is something to report at the end."""
        params = json.loads(task.spec.params)
        self._tell(task, TaskUpdateStatus.started)
        match Kind(params["kind"]):
            case Kind.DEADLY:
                os.kill(os.getpid(), signal.SIGKILL)
            case Kind.REFUSED:
                self._tell(task, TaskUpdateStatus.failed, error_class="validation")
            case Kind.FLAKY if task.attempt_number <= params["fails"]:
                self._tell(task, TaskUpdateStatus.failed, error_class="transient")
            case _:
                if not await self._apply(task, params["work_ms"] / 1000):
                    return False
                self._tell(task, TaskUpdateStatus.completed, result_json='{"row": 1}')
        return True

    async def _apply(self, task: ClaimedTask, seconds: float) -> bool:
        """Write the row once; True also where an earlier attempt has written it."""
        who = (task.task_id, task.attempt_number, self._worker)
        if await self._surely("fetchval", OPEN, *who) is None:
            return bool(await self._surely("fetchval", _IS_DONE, task.task_id))
        await asyncio.sleep(seconds)
        await self._surely("execute", APPLY, *who)
        return bool(await self._surely("fetchval", _IS_DONE, task.task_id))

    async def _surely(self, how: str, statement: str, *values: object) -> Any:
        """Again while Postgres is away: every statement here may be repeated."""
        while True:
            try:
                with lost_connections():
                    return await getattr(self._pool, how)(statement, *values)
            except TRANSIENT:
                await asyncio.sleep(_AGAIN_SECONDS)

    def _tell(self, task: ClaimedTask, status: TaskUpdateStatus, **more: str) -> None:
        update = TaskUpdate(
            task_id=task.task_id,
            status=status,
            worker_id=self._worker,
            attempt_number=task.attempt_number,
            at=datetime.now(UTC) + self._clock_off,
            **more,
        )
        self._reports.append(update)
        self._reported.set()


async def _within(seconds: float, event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def build() -> Service:
    """The worker's name, user and key, without its schema; arguments: name, slots, clock."""
    name, slots, clock_off = sys.argv[-3:]
    hand = Hand(name, int(slots), timedelta(seconds=int(clock_off)))
    service = Service("worker", ServiceSettings()).listen(WorkHint, hand.on_hint)
    return service.run(hand.claim).run(hand.beat).run(hand.report)


if __name__ == "__main__":
    main(build)
