"""Remembers which kernels workers ask for, so that htm can say that nobody does."""

from collections.abc import Awaitable, Callable, Sequence
from time import monotonic

from grace.contracts.htm import ClaimedTasks, ClaimTasks
from grace.htm.domain.routing import is_kernel
from grace.htm.store.watch import Kernels
from grace.kit import Called, Unit

Claim = Callable[[Sequence[Called[ClaimTasks]], Unit], Awaitable[Sequence[ClaimedTasks]]]

# Workers ask every second, and a claim is the hottest of all paths: not every one is written down.
_SECONDS = 5.0
_MOST_KERNELS = 1000


class Asked:
    """Claims, with a note of what was asked for."""

    def __init__(self, claim: Claim) -> None:
        self._claim = claim
        self._noted: dict[str, float] = {}

    async def on_claim(
        self, calls: Sequence[Called[ClaimTasks]], unit: Unit
    ) -> Sequence[ClaimedTasks]:
        """Note kernels that were not noted lately, then hand out tasks."""
        now = monotonic()
        asked = {kernel for call in calls for kernel in call.body.kernels if is_kernel(kernel)}
        fresh = {kernel for kernel in asked if now - self._noted.get(kernel, -_SECONDS) >= _SECONDS}
        if fresh:
            await Kernels(unit.tx).note_asked(fresh)
            unit.after_commit(lambda: self._remember(fresh, now))
        return await self._claim(calls, unit)

    def _remember(self, kernels: set[str], now: float) -> None:
        if len(self._noted) > _MOST_KERNELS:
            self._noted.clear()
        self._noted |= dict.fromkeys(kernels, now)
