"""Remembers which kernels workers ask for, so that htm can say that nobody does."""

from collections.abc import Iterator, Sequence
from time import monotonic

from grace.contracts.htm import ClaimTasks, ReportTasks
from grace.htm.domain.routing import is_kernel
from grace.htm.store.watch import Kernels
from grace.kit import Called, Unit

Call = Called[ClaimTasks] | Called[ReportTasks]

# Workers ask every second, and a claim is the hottest of all paths: not every one is written down.
_SECONDS = 5.0
_MOST_KERNELS = 1000


class Asked:
    """What was asked for lately, by claims and by reports that claim."""

    def __init__(self) -> None:
        self._noted: dict[str, float] = {}
        self._owed: set[str] = set()

    async def note(self, calls: Sequence[Call], unit: Unit) -> None:
        """Note kernels that were not noted lately; before the lock of claims, in this order always."""
        now = monotonic()
        asked = {kernel for kernel in _kernels(calls) if is_kernel(kernel)} | self._owed
        self._owed.clear()
        fresh = {kernel for kernel in asked if now - self._noted.get(kernel, -_SECONDS) >= _SECONDS}
        if fresh:
            await Kernels(unit.tx).note_asked(fresh)
            unit.after_commit(lambda: self._remember(fresh, now))

    def owe(self, calls: Sequence[Call]) -> None:
        """Leave kernels to the next claim: it is too late to note them in this one."""
        if len(self._owed) < _MOST_KERNELS:
            self._owed.update(filter(is_kernel, _kernels(calls)))

    def _remember(self, kernels: set[str], now: float) -> None:
        if len(self._noted) > _MOST_KERNELS:
            self._noted.clear()
        self._noted |= dict.fromkeys(kernels, now)


def _kernels(calls: Sequence[Call]) -> Iterator[str]:
    for call in calls:
        claim = call.body.claim if isinstance(call.body, ReportTasks) else call.body
        if claim is not None:
            yield from claim.kernels
