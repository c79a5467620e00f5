"""Writes beats down, and compares what is measured with the alerts that are open."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from grace.contracts.subjects import SERVICES
from grace.kit import Runtime, Unit, new_id
from grace.kit.beat import MOST_COUNTED
from grace.observability import metrics
from grace.observability.domain.alert import (
    INSTALLATION,
    Alert,
    Levels,
    judge,
    reading_of_failures,
    readings_of_services,
)
from grace.observability.domain.growth import Growth
from grace.observability.domain.health import Condition, ServiceHealth, health_of, score
from grace.observability.settings import Settings
from grace.observability.store import Alerts, Beats, Pulse, Runs

Announce = Callable[[Alert, Unit], None]
# A suite that rested for longer raises no new alert by its last failure.
_RECENT = timedelta(hours=1)
_MILLISECOND = timedelta(milliseconds=1)


class Watch:
    """Keeps alerts as the world is. Every replica does: the table has each open alert once."""

    def __init__(self, settings: Settings, pulse: Pulse, announce: Announce) -> None:
        """Judge by the settings; `announce` tells others of an alert."""
        self._settings = settings
        self._pulse = pulse
        self._announce = announce

    async def tick(self, runtime: Runtime) -> bool:
        """One transaction: beats in, alerts out."""
        beats = self._pulse.take()
        try:
            async with runtime.unit() as unit:
                if beats:
                    await Beats(unit.tx).store(beats)
                await self._look(unit)
        except BaseException:
            self._pulse.put_back(beats)
            raise
        return False

    async def _look(self, unit: Unit) -> None:
        services = health_of(
            SERVICES,
            await Beats(unit.tx).read(),
            late_beats=self._settings.late_beats,
            listened=self._pulse.has_listened(listening_time(self._settings)),
        )
        growths = await self._grow(unit, services)
        failures = await Runs(unit.tx).failures(_RECENT)
        readings = readings_of_services(services, growths, self._levels())
        readings += [reading_of_failures(each) for each in failures]
        store, now = Alerts(unit.tx), await unit.now()
        quiet = self._settings.resolve_after
        found = judge(await store.opened(), readings, now=now, quiet=quiet)
        raised = [(f"alert-{new_id()}", reading) for reading in found.raised]
        changed = await store.raise_new(raised) if raised else []
        changed += await store.resolve(found.resolved) if found.resolved else []
        if found.seen:
            await store.see(found.seen)
        for alert in changed:
            self._announce(alert, unit)
        await self._show(unit, services)

    async def _grow(self, unit: Unit, services: Sequence[ServiceHealth]) -> Mapping[str, Growth]:
        """Move the windows, and return them as they were before: their last word counts now."""
        store, now = Beats(unit.tx), await unit.now()
        known = await store.growths()
        heard = [each for each in services if each.instances]
        before = {
            each.name: known.get(each.name) or Growth(each.name, each.quarantined, now)
            for each in heard
        }
        window = self._settings.quarantine_window
        after = [
            before[each.name].moved(each.quarantined, now=now, window=window) for each in heard
        ]
        moved = [each for each in after if each != known.get(each.service)]
        if moved:
            await store.move(moved)
        return before

    def _levels(self) -> Levels:
        return Levels(
            late_beats=self._settings.late_beats,
            quarantine_growth=self._settings.quarantine_growth,
            event_lag_ms=self._settings.event_lag / _MILLISECOND,
            event_lag_clear_ms=self._settings.event_lag_clear / _MILLISECOND,
            quarantine_most=MOST_COUNTED,
        )

    async def _show(self, unit: Unit, services: Sequence[ServiceHealth]) -> None:
        """Let Prometheus see it once it is committed."""
        severities = await Alerts(unit.tx).severities(INSTALLATION)
        points = score(services, severities.elements())
        conditions = [each.condition for each in services]
        unit.after_commit(
            lambda: metrics.show_health(points, conditions, severities, known=Condition)
        )


def listening_time(settings: Settings) -> timedelta:
    """How long one must listen before a beat can be called late."""
    return settings.late_beats * settings.beat_interval
