"""Claims tasks while there are free hands, and tells htm which ones are still held."""

from functools import partial
from time import monotonic

from grace.contracts.htm import Beat as BeatMessage
from grace.contracts.htm import ClaimTasks
from grace.kit import GraceError, Runtime
from grace.worker.loops.bench import Bench


class Claim:
    """Asks htm for as many tasks as there are free slots."""

    def __init__(self, bench: Bench) -> None:
        """Claim for this bench."""
        self._bench = bench
        # Nothing waited at the last claim: the next task comes with a hint.
        self._drained = False

    async def tick(self, runtime: Runtime) -> bool:
        """Claim once; True while the answers fill what was free at least in part, and more waits."""
        slots = self._bench.free
        if slots < 1 or runtime.stopping.is_set():
            self._drained = False  # a hint may have come that there are no hands for
            return False
        await self._bench.tools.guard.restore(runtime)
        request = ClaimTasks(
            worker_id=self._bench.tools.worker_id,
            kernels=tuple(self._bench.tools.registry.kernels),
            slots=slots,
        )
        asked_at, self._drained = monotonic(), False
        try:
            answer = await runtime.call(request)
        except GraceError as error:
            runtime.log.info("claim.failed", error=error.detail)
            return False
        self._drained = bool(answer.drained)
        for task in answer.tasks:
            self._bench.take(runtime, task, asked_at=asked_at, then=partial(self._freed, runtime))
        return bool(answer.tasks) and self._bench.free > 0 and not self._drained

    def _freed(self, runtime: Runtime) -> None:
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
