"""Hears the beats of services, and puts everything on one page."""

from datetime import timedelta

from grace.contracts.observability import Dashboard, GetDashboard, HealthBeat
from grace.contracts.subjects import SERVICES
from grace.kit import Called, Forbidden, Received, Runtime
from grace.observability.domain.alert import State
from grace.observability.domain.health import health_of, overall, score
from grace.observability.domain.trend import trend_of
from grace.observability.handlers import views
from grace.observability.settings import Settings
from grace.observability.store import (
    Alerts,
    Beats,
    Components,
    HeardBeat,
    Pulse,
    Remediations,
    Runs,
)

_MOST_ALERTS = 100
_RUNS = 20


class ForeignBeat(Forbidden):
    """A service may say how it is itself, not how another one is."""


async def on_health_beat(pulse: Pulse, message: Received[HealthBeat], _: Runtime) -> None:
    """Remember it; the loop writes all of them down together."""
    body = message.body
    if message.publisher != body.service:
        raise ForeignBeat
    pulse.hear(
        HeardBeat(
            service=body.service,
            instance=body.instance,
            version=body.version,
            ready=body.ready,
            problems=body.problems,
            quarantined=body.quarantined,
            outbox_lag_ms=body.outbox_lag_ms,
            interval=timedelta(milliseconds=body.interval_ms),
            age=timedelta(0),
        )
    )


async def on_get_dashboard(
    settings: Settings,
    pulse: Pulse,
    components: Components,
    call: Called[GetDashboard],
    runtime: Runtime,
) -> Dashboard:
    """Everything at a glance, read in one transaction so that it fits together."""
    tenant = call.body.tenant_id
    async with runtime.unit() as unit:
        services = health_of(
            SERVICES,
            await Beats(unit.tx).read(),
            late_beats=settings.late_beats,
            listened=pulse.has_listened(settings.late_beats * settings.beat_interval),
        )
        alerts = Alerts(unit.tx)
        severities = await alerts.severities(tenant)
        opened = await alerts.of_tenant(tenant, status=State.OPEN, before=None, most=_MOST_ALERTS)
        suites = await Runs(unit.tx).finished(tenant, None, _RUNS)
        counts = await Remediations(unit.tx).counts(tenant)
        at = await unit.now()
    points = score(services, severities.elements())
    return Dashboard(
        health_score=points,
        status=overall(services, points),
        at=at,
        services=tuple(map(views.service_of, services)),
        components=tuple(map(views.component_of, components.all())),
        open_alerts=severities.total(),
        alerts=tuple(map(views.alert_of, opened)),
        stress=tuple(views.trend_of(suite, trend_of(runs)) for suite, runs in suites.items()),
        remediation=views.stats_of(counts, []),
    )
