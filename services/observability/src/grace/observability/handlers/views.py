"""How what is known looks on the wire."""

from collections.abc import Mapping, Sequence

from grace.contracts import observability as wire
from grace.kit import Unit
from grace.observability.domain.alert import Alert, State
from grace.observability.domain.health import ComponentHealth, ServiceHealth
from grace.observability.domain.remediation import Remediation
from grace.observability.domain.remediation import State as Stage
from grace.observability.domain.trend import Finished, Trend
from grace.observability.store import CurrentRun

_MOST_COUNT = 2**32 - 1


def announce(alert: Alert, unit: Unit) -> None:
    """Tell others that an alert was raised or resolved."""
    shown = alert_of(alert)
    told = wire.AlertRaised if alert.status is State.OPEN else wire.AlertResolved
    unit.publish(told(alert=shown), tenant=alert.key.tenant, correlation_id=alert.alert_id)


def alert_of(alert: Alert) -> wire.Alert:
    """An alert."""
    return wire.Alert(
        alert_id=alert.alert_id,
        tenant_id=alert.key.tenant,
        kind=alert.key.kind,
        subject=alert.key.subject,
        severity=alert.severity,
        status=alert.status,
        message=alert.message,
        value=alert.value,
        threshold=alert.threshold,
        raised_at=alert.raised_at,
        seen_at=alert.seen_at,
        resolved_at=alert.resolved_at,
    )


def run_of(run: CurrentRun) -> wire.StressRun:
    """A run as it stands."""
    figures = run.figures
    return wire.StressRun(
        run_id=run.subject.key.run_id,
        suite=run.subject.suite,
        target=run.subject.target,
        status=run.status,
        started_at=run.started_at,
        heard_at=run.heard_at,
        ended_at=run.ended_at,
        requests=figures.requests,
        errors=figures.errors,
        error_rate=figures.error_rate,
        p50_ms=figures.p50_ms,
        p99_ms=figures.p99_ms,
        mean_ms=figures.mean_ms,
        samples=min(run.samples, _MOST_COUNT),
        failure_kind=run.failure_kind,
        message=run.message,
    )


def trend_of(suite: str, trend: Trend, points: Sequence[Finished] = ()) -> wire.SuiteTrend:
    """A suite's trend, with the runs that it was made of."""
    return wire.SuiteTrend(
        suite=suite,
        runs=trend.runs,
        failed=trend.failed,
        requests=trend.requests,
        errors=trend.errors,
        error_rate=trend.error_rate,
        p99_ms=trend.p99_ms,
        worst_p99_ms=trend.worst_p99_ms,
        direction=trend.direction,
        p99_slope_ms=trend.p99_slope_ms,
        error_rate_slope=trend.error_rate_slope,
        points=tuple(map(_point, points)),
    )


def _point(run: Finished) -> wire.TrendPoint:
    return wire.TrendPoint(
        run_id=run.run_id,
        status=run.status,
        ended_at=run.ended_at,
        error_rate=run.figures.error_rate,
        p99_ms=run.figures.p99_ms,
        mean_ms=run.figures.mean_ms,
    )


def stats_of(counts: Mapping[str, int], newest: Sequence[Remediation]) -> wire.RemediationStats:
    """The statistics of remediations; those that never became an intent were not attempted."""
    verified, failed = counts.get(Stage.VERIFIED, 0), counts.get(Stage.FAILED, 0)
    opened = counts.get(Stage.OPEN, 0)
    ended = verified + failed
    return wire.RemediationStats(
        attempted=ended + opened,
        verified=verified,
        failed=failed,
        open=opened,
        success_rate=verified / ended if ended else 0.0,
        recent=tuple(map(_remediation, newest)),
        due=counts.get(Stage.DUE, 0),
        skipped=counts.get(Stage.SKIPPED, 0),
    )


def _remediation(each: Remediation) -> wire.Remediation:
    return wire.Remediation(
        remediation_id=each.remediation_id,
        run_id=each.run_id,
        suite=each.suite,
        kind=each.kind,
        target=each.target,
        status=each.status,
        due_at=each.due_at,
        closed_at=each.closed_at,
        mission_id=each.mission_id,
        outcome=each.outcome,
        reason=each.reason,
        submitted_at=each.submitted_at,
    )


def service_of(each: ServiceHealth) -> wire.ServiceHealth:
    """How a service is."""
    return wire.ServiceHealth(
        name=each.name,
        status=each.condition,
        instances=each.instances,
        problems=each.problems,
        quarantined=each.quarantined,
        outbox_lag_ms=each.outbox_lag_ms,
        version=each.version,
        beat_at=each.beat_at,
    )


def component_of(each: ComponentHealth) -> wire.ComponentHealth:
    """How something is that Grace runs without."""
    return wire.ComponentHealth(name=each.name, status=each.condition, detail=each.detail)
