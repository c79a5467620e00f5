"""Answers questions about alerts, runs, trends and remediations."""

from grace.contracts.observability import (
    Alerts as AlertsReply,
)
from grace.contracts.observability import (
    CurrentStress,
    GetCurrent,
    GetRemediation,
    GetTrends,
    ListAlerts,
    RemediationStats,
    StressTrends,
)
from grace.kit import Called, Invalid, Runtime
from grace.observability.domain.alert import State
from grace.observability.domain.trend import trend_of
from grace.observability.handlers import views
from grace.observability.store import Alerts, Remediations, Runs

_MOST_ALERTS = 200
_MOST_RUNS = 100
_MOST_REMEDIATIONS = 100
_STATUSES = {"open": State.OPEN, "resolved": State.RESOLVED, "all": None}


class UnknownStatus(Invalid):
    """The status is one of: open, resolved, all."""


async def on_list_alerts(call: Called[ListAlerts], runtime: Runtime) -> AlertsReply:
    """The newest alerts first; open ones where nothing else is asked."""
    body = call.body
    if body.status is not None and body.status not in _STATUSES:
        raise UnknownStatus
    async with runtime.reading() as tx:
        found = await Alerts(tx).of_tenant(
            body.tenant_id,
            status=_STATUSES[body.status or "open"],
            before=body.before,
            most=min(body.limit, _MOST_ALERTS),
        )
    return AlertsReply(alerts=tuple(map(views.alert_of, found)))


async def on_get_current(call: Called[GetCurrent], runtime: Runtime) -> CurrentStress:
    """What goes on, and how each suite ended last."""
    async with runtime.reading() as tx:
        found = await Runs(tx).current(call.body.tenant_id, call.body.suite)
    return CurrentStress(runs=tuple(map(views.run_of, found)))


async def on_get_trends(call: Called[GetTrends], runtime: Runtime) -> StressTrends:
    """What the last runs of each suite come to."""
    body = call.body
    async with runtime.reading() as tx:
        found = await Runs(tx).finished(body.tenant_id, body.suite, min(body.runs, _MOST_RUNS))
    return StressTrends(
        suites=tuple(views.trend_of(suite, trend_of(runs), runs) for suite, runs in found.items())
    )


async def on_get_remediation(call: Called[GetRemediation], runtime: Runtime) -> RemediationStats:
    """How automatic remediation fares."""
    body = call.body
    async with runtime.unit() as unit:
        store = Remediations(unit.tx)
        counts = await store.counts(body.tenant_id)
        newest = await store.newest(body.tenant_id, most=min(body.recent, _MOST_REMEDIATIONS))
    return views.stats_of(counts, newest)
