"""The attempts in hand and the reports on their way."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from grace.contracts.htm import ClaimedTask, RunningAttempt, TaskUpdate
from grace.kit import Runtime, end_tasks
from grace.worker.loops.attempt import run_attempt, started, withdrawn
from grace.worker.loops.tools import Lease, Tools

Key: TypeAlias = tuple[str, int]

# What ends sooner says that it began and how it ended in one report. Where all hands are full a
# step of a tenth of that takes about as long, and a report of its own would make it longer.
_BEGUN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class InHand:
    """An attempt that is running."""

    lease: Lease
    running: asyncio.Task[None]
    telling: asyncio.TimerHandle


class Bench:
    """Holds at most `slots` attempts; each is an asyncio task of its own."""

    def __init__(self, tools: Tools, slots: int) -> None:
        """Begin with empty hands."""
        self.tools = tools
        self._slots = slots
        self._in_hand: dict[Key, InHand] = {}
        self._reports: list[TaskUpdate] = []
        self.reported = asyncio.Event()

    @property
    def free(self) -> int:
        """How many more attempts fit."""
        return self._slots - len(self._in_hand)

    @property
    def has_reports(self) -> bool:
        """Whether something waits to be reported."""
        return bool(self._reports)

    @property
    def attempts(self) -> tuple[RunningAttempt, ...]:
        """What a beat names."""
        return tuple(
            RunningAttempt(task_id=t, attempt_number=n, progress=held.lease.progress)
            for (t, n), held in self._in_hand.items()
        )

    def take(
        self, runtime: Runtime, task: ClaimedTask, *, asked_at: float, then: Callable[[], None]
    ) -> None:
        """Begin an attempt. Its lease counts from before the claim was sent, never from later.

        `then` is called when it has ended with nothing to report.
        """
        key = (task.task_id, task.attempt_number)
        if key in self._in_hand:
            return
        lease = Lease(asked_at + task.lease_ms / 1000)
        loop = asyncio.get_running_loop()
        telling = loop.call_later(_BEGUN_SECONDS, self._report, started(self.tools, task))
        running = loop.create_task(self._run(runtime, task, lease))
        self._in_hand[key] = InHand(lease, running, telling)
        running.add_done_callback(partial(self._drop, runtime, key, then))

    def renew(self, keys: Iterable[Key], until: float) -> None:
        """Lengthen the leases of these attempts."""
        for key in keys:
            if key in self._in_hand:
                self._in_hand[key].lease.until = until

    def lose(self, key: Key) -> bool:
        """Stop an attempt that is no longer this worker's; its result is nobody's concern."""
        held = self._in_hand.get(key)
        return held is not None and held.running.cancel()

    def cancel(self, key: Key) -> bool:
        """Take up that somebody wants an attempt cancelled; False where that is known."""
        held = self._in_hand.get(key)
        if held is None or held.lease.cancelled:
            return False
        held.lease.cancelled = True
        if held.lease.only_looks:
            held.running.cancel()
        return True

    def take_reports(self) -> list[TaskUpdate]:
        """Return all reports that wait, and forget them."""
        waiting, self._reports = self._reports, []
        self.reported.clear()
        return waiting

    async def drain(self, seconds: float) -> None:
        """Let what is in hand end within that time, then stop the rest without a report.

        An answer that is under way may still bring some.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while running := [held.running for held in self._in_hand.values()]:
            _, late = await asyncio.wait(running, timeout=max(0.0, until - loop.time()))
            await end_tasks(late)
            await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, runtime: Runtime, task: ClaimedTask, lease: Lease) -> None:
        try:
            update = await run_attempt(runtime, self.tools, task, lease)
        except asyncio.CancelledError:
            if not (lease.cancelled and lease.only_looks):
                raise
            update = withdrawn(runtime, self.tools, task)
        self._report(update)

    def _report(self, update: TaskUpdate) -> None:
        self._reports.append(update)
        self.reported.set()

    def _drop(
        self, runtime: Runtime, key: Key, then: Callable[[], None], ended: asyncio.Task[None]
    ) -> None:
        self._in_hand.pop(key).telling.cancel()
        if not ended.cancelled():
            if ended.exception() is None:
                return
            # Not even a report could be made; htm finds out when the lease is over.
            runtime.log.error("attempt.broken", task_id=key[0], exc_info=ended.exception())
        then()
