"""Gives up runs that nobody tells of any more, and drops what is long over."""

from datetime import timedelta

from grace.kit import Runtime
from grace.observability import metrics
from grace.observability.domain.run import State
from grace.observability.settings import Settings
from grace.observability.store import Alerts, Beats, Runs

_BEATS_KEPT = timedelta(days=1)
_AT_ONCE = 10_000


class Expire:
    """Calls runs lost that were not heard of for too long: never passed."""

    def __init__(self, settings: Settings) -> None:
        """Wait as long as the settings say."""
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Give up what is due."""
        async with runtime.unit() as unit:
            lost = await Runs(unit.tx).lose(self._settings.run_timeout)
        for _ in range(lost):
            metrics.count_run(State.LOST, requests=0, errors=0)
        return False


class Prune:
    """Drops runs, samples, alerts and processes of the past. Remediations are kept."""

    def __init__(self, settings: Settings) -> None:
        """Keep as long as the settings say."""
        self._settings = settings

    async def tick(self, runtime: Runtime) -> bool:
        """Delete what is older than its retention; True where more samples may be."""
        kept = self._settings
        async with runtime.unit() as unit:
            runs = Runs(unit.tx)
            gone = await runs.prune_samples(kept.sample_retention, most=_AT_ONCE)
            await runs.prune(kept.run_retention)
            await Alerts(unit.tx).prune(kept.run_retention)
            await Beats(unit.tx).forget(_BEATS_KEPT)
        return gone == _AT_ONCE
