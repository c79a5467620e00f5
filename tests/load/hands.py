"""A worker whose tasks take no time: claims and reports through the kit with the worker's key.

What is left is htm itself: real requests, real reports, real rows.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from load.peers.work import Executions

from grace.contracts.htm import (
    ClaimedTask,
    ClaimedTasks,
    ClaimTasks,
    ReportTasks,
    TaskReports,
    TaskUpdate,
    TaskUpdateStatus,
    WorkHint,
)
from grace.kit import GraceError, Received, Runtime, Service, ServiceSettings, main, new_id

KERNEL = "bench"
CAPABILITY = "bench"
_SLOTS = 256
# A worker claims while it reports: what one request has brought is done while another is out.
_LANES = 2
_IDLE_SECONDS = 1.0  # as the worker's claim_interval: a lost hint costs no more


class Hands:
    """Takes what there is, and says that it is done."""

    def __init__(self) -> None:
        self._worker = f"bench-{new_id()}"
        self._hinted = asyncio.Event()
        self._wish = ClaimTasks(
            worker_id=self._worker, kernels=(KERNEL,), slots=_SLOTS, capabilities=(CAPABILITY,)
        )
        self._executions = Executions() if "BENCH_COUNTS" in os.environ else None

    async def on_hint(self, _: Received[Any], __: Runtime) -> None:
        """Work waits."""
        self._hinted.set()

    async def run(self, runtime: Runtime) -> None:
        """Claim and report until the service stops."""
        lanes = asyncio.Semaphore(_LANES)
        async with asyncio.TaskGroup() as busy:
            while not runtime.stopping.is_set():
                await lanes.acquire()
                self._hinted.clear()
                taken = await self._claim(runtime)
                lane = busy.create_task(self._lane(runtime, taken.tasks))
                lane.add_done_callback(lambda _: lanes.release())
                if taken.drained or not taken.tasks:
                    await self._idle()

    async def _lane(self, runtime: Runtime, tasks: tuple[ClaimedTask, ...]) -> None:
        """Report what was taken and take more with it, until there is nothing more."""
        while tasks:
            tasks = await self._report(runtime, tuple(map(self._done, tasks)))

    async def _claim(self, runtime: Runtime) -> ClaimedTasks:
        try:
            return await runtime.call(self._wish)
        except GraceError:
            return ClaimedTasks()

    async def _report(
        self, runtime: Runtime, updates: tuple[TaskUpdate, ...]
    ) -> tuple[ClaimedTask, ...]:
        """What htm does not answer goes to its stream."""
        try:
            return (await runtime.call(ReportTasks(updates=updates, claim=self._wish))).tasks
        except GraceError:
            await runtime.report(TaskReports(updates=updates))
            return ()

    def _done(self, task: ClaimedTask) -> TaskUpdate:
        if self._executions is not None:
            self._executions.add()
        return TaskUpdate(
            task_id=task.task_id,
            status=TaskUpdateStatus.completed,
            worker_id=self._worker,
            attempt_number=task.attempt_number,
            at=datetime.now(UTC),
            result_json='{"ok":true}',
        )

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._hinted.wait()


def build() -> Service:
    """The worker's name, user and key, without a schema."""
    hands = Hands()
    return Service("worker", ServiceSettings()).listen(WorkHint, hands.on_hint).run(hands.run)


if __name__ == "__main__":
    main(build)
