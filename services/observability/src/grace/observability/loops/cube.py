"""Keeps the figures of the cube as its facts are."""

from grace.kit import Runtime
from grace.observability import metrics
from grace.observability.domain.cube import HOURS, floor_hour
from grace.observability.settings import Settings
from grace.observability.store import Loading

_AT_ONCE = 100
_MOST_DROPPED = 10_000


class Count:
    """Counts the hours anew whose facts have changed. Any replica does; each hour is locked by one."""

    async def tick(self, runtime: Runtime) -> bool:
        """Count some of them; True where more may be due."""
        async with runtime.unit() as unit:
            loading = Loading(unit.tx)
            due = await loading.take_due(_AT_ONCE)
            if due:
                written = await loading.recount(due)
                await loading.log(HOURS, read=len(due), written=written)
                unit.after_commit(lambda: metrics.count_load(HOURS, read=len(due)))
        return len(due) == _AT_ONCE


class Forget:
    """Drops what is older than the cube keeps."""

    def __init__(self, settings: Settings) -> None:
        """Keep as long as the settings say."""
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Drop some of it; True where more may be too old."""
        async with runtime.unit() as unit:
            before = floor_hour(await unit.now() - self._settings.cube_retention)
            gone = await Loading(unit.tx).prune(before, most=_MOST_DROPPED)
        return gone == _MOST_DROPPED
