"""What every attempt works with: made once, in app.py."""

from dataclasses import dataclass

from grace.contracts.htm import Progress
from grace.kit.blobs import Blobs
from grace.worker.domain.failure import WithdrawnError
from grace.worker.kernels.consents import Consents
from grace.worker.kernels.registry import Registry
from grace.worker.kernels.targets_file import TargetsFile
from grace.worker.loops.guard import Guard
from grace.worker.loops.switch import KillSwitch


@dataclass(frozen=True, slots=True)
class Tools:
    """The shared parts of a worker process; `worker_id` names it in claims, beats and reports."""

    worker_id: str
    registry: Registry
    targets: TargetsFile
    guard: Guard
    switch: KillSwitch
    consents: Consents
    results: Blobs
    # Apart from results: those serve their time, a state is there as long as its receipt.
    states: Blobs


@dataclass(slots=True)
class Lease:
    """How long a task is this worker's, in seconds on the monotonic clock; beats renew it."""

    until: float
    # Somebody wants the task cancelled: what has not begun does not begin, what has begun ends.
    cancelled: bool = False
    # Only looks at the world: may be broken off at any time.
    only_looks: bool = False
    # An apply may have taken effect: an end that is no success says nothing about that any more.
    begun: bool = False
    # How far the attempt says it is; the next beat tells htm.
    progress: Progress | None = None

    def tell(self, percent: int, message: str) -> None:
        """Take a word on how far the attempt is; one that is behind an earlier one says nothing."""
        percent = max(0, min(percent, 100))
        if self.progress is None or percent >= self.progress.percent:
            self.progress = Progress(percent=percent, message=message)

    def check_wanted(self) -> None:
        """WithdrawnError where somebody wants the task cancelled."""
        if self.cancelled:
            raise WithdrawnError
