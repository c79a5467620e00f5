"""Forgets what has served its time: single takes, and late looks that are over."""

from grace.kit import Runtime
from grace.verification.settings import Settings
from grace.verification.store.retention import Ended

_AT_ONCE = 1000


class Prune:
    """What came of takes and looks stands in contracts, runs and revisions, which are kept."""

    def __init__(self, settings: Settings) -> None:
        self._keep = settings.keep_takes

    async def tick(self, runtime: Runtime) -> bool:
        """Forget some; True where more may be."""
        async with runtime.unit() as unit:
            ended = Ended(unit.tx)
            # Looks after their takes: a look that is there tells why its takes are.
            takes = await ended.drop_takes(keep=self._keep, most=_AT_ONCE)
            watches = await ended.drop_watches(keep=self._keep, most=_AT_ONCE)
        return _AT_ONCE in {takes, watches}
