"""Claims tasks while there are free hands, and tells htm which ones are still held."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic

from grace.contracts.htm import Beat as BeatMessage
from grace.contracts.htm import ClaimedTasks, ClaimTasks
from grace.kit import GraceError, Runtime
from grace.worker.loops.bench import Bench


class Claim:
    """Asks htm for as many tasks as there are free hands, alone or together with reports."""

    def __init__(self, bench: Bench) -> None:
        """Claim for this bench."""
        self._bench = bench
        # Nothing waited at the last claim: the next task comes with a hint.
        self._drained = False
        # Hands that somebody has asked for already, and has no answer for yet.
        self._asked = 0
        # A hint came while all free hands were asked for: that answer may be older than the hint.
        self._hinted = False

    @property
    def _wanting(self) -> int:
        return self._bench.free - self._asked

    async def tick(self, runtime: Runtime) -> bool:
        """Claim once; True while the answers fill what was free at least in part, and more waits."""
        if self._wanting < 1 or runtime.stopping.is_set():
            self._drained, self._hinted = False, True
            return False
        await self._bench.tools.guard.restore(runtime)
        with self.wish(runtime) as request:
            if request is None:
                return False
            asked_at, self._drained = monotonic(), False
            try:
                answer = await runtime.call(request)
            except GraceError as error:
                runtime.log.info("claim.failed", error=error.detail)
                return False
            self._take(runtime, answer, asked_at=asked_at)
        return bool(answer.tasks) and self._wanting > 0 and not self._drained

    async def along(
        self, runtime: Runtime, ask: Callable[[ClaimTasks | None], Awaitable[ClaimedTasks]]
    ) -> None:
        """Let a report claim for the hands that are free, where something may wait for them."""
        with self.wish(runtime, unless=self._drained) as request:
            asked_at = monotonic()
            answer = await ask(request)
            if request is None:
                return
            self._take(runtime, answer, asked_at=asked_at)
        if answer.tasks and self._wanting > 0 and not (self._drained or self._bench.has_reports):
            runtime.wake(Claim)

    @contextmanager
    def wish(self, runtime: Runtime, *, unless: bool = False) -> Iterator[ClaimTasks | None]:
        """What the free hands want, which nobody else asks for meanwhile; None where that is nothing."""
        slots = 0 if unless or runtime.stopping.is_set() else max(0, self._wanting)
        self._asked += slots
        try:
            yield self._request(slots) if slots else None
        finally:
            self._asked -= slots

    def _request(self, slots: int) -> ClaimTasks:
        tools = self._bench.tools
        return ClaimTasks(
            worker_id=tools.worker_id, kernels=tuple(tools.registry.kernels), slots=slots
        )

    def _take(self, runtime: Runtime, answer: ClaimedTasks, *, asked_at: float) -> None:
        hinted, self._hinted = self._hinted, False
        outdated = hinted and bool(answer.drained)
        self._drained = bool(answer.drained) and not outdated
        for task in answer.tasks:
            self._bench.take(runtime, task, asked_at=asked_at, then=partial(self._freed, runtime))
        if outdated:
            runtime.wake(Claim)

    def _freed(self, runtime: Runtime) -> None:
        """A hand is free that has nothing to report; others claim with what they report."""
        if not self._drained:
            runtime.wake(Claim)


class Beat:
    """Tells htm which attempts are running, and lets go of those that are lost."""

    def __init__(self, bench: Bench) -> None:
        """Beat for this bench."""
        self._bench = bench

    async def tick(self, runtime: Runtime) -> bool:
        """Beat once; nothing to hold, nothing to say."""
        attempts = self._bench.attempts
        if not attempts:
            return False
        asked_at = monotonic()
        request = BeatMessage(worker_id=self._bench.tools.worker_id, attempts=attempts)
        try:
            answer = await runtime.call(request)
        except GraceError as error:
            runtime.log.warning("beat.failed", attempts=len(attempts), error=error.detail)
            return False
        lost = {(each.task_id, each.attempt_number) for each in answer.stop}
        held = {(each.task_id, each.attempt_number) for each in attempts} - lost
        self._bench.renew(held, asked_at + answer.lease_ms / 1000)
        for key in lost:
            if self._bench.lose(key):
                runtime.log.info("task.lost", task_id=key[0], attempt=key[1])
        for each in answer.cancel:
            if self._bench.cancel((each.task_id, each.attempt_number)):
                runtime.log.info("task.cancelling", task_id=each.task_id)
        return False
