"""Forgets the keys of requests that nobody repeats any more; what was ingested stays."""

from datetime import timedelta

from grace.kit import Runtime
from grace.knowledge.store import Store

_AT_ONCE = 1000


class Prune:
    """A request that comes again after that is a new one; its content is stored once all the same."""

    def __init__(self, keep: timedelta) -> None:
        """`keep`: longer than anybody tries again, and than streams deliver again."""
        self._keep = keep

    async def tick(self, runtime: Runtime) -> bool:
        """Forget some; True where more may be."""
        async with runtime.unit() as unit:
            gone = await Store(unit.tx).forget_keys(keep=self._keep, most=_AT_ONCE)
        return gone == _AT_ONCE
