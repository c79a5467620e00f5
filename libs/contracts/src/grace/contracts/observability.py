"""The messages of grace.observability.v1. Generated from proto/ by proto/generate.py: do not edit."""

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Double, Id, Int64, Text, Timestamp, UInt32

__all__ = [
    "Alert",
    "AlertRaised",
    "AlertResolved",
    "Alerts",
    "ComponentHealth",
    "CurrentStress",
    "Dashboard",
    "GetCurrent",
    "GetDashboard",
    "GetRemediation",
    "GetTrends",
    "HealthBeat",
    "ListAlerts",
    "Remediation",
    "RemediationStats",
    "ServiceHealth",
    "StressEnded",
    "StressEndedStatus",
    "StressRun",
    "StressSampled",
    "StressStarted",
    "StressTrends",
    "SuiteTrend",
    "TrendPoint",
]


class StressStarted(Message):
    """A stress run began.

    Without an end it counts as lost some time after it was last heard of, never as passed.
    """

    SCHEMA: ClassVar[str] = "grace.observability.v1.StressStarted"
    SUBJECT: ClassVar[str] = "telemetry.stress.started"

    run_id: Id = Field(description="The runner's own; the same run in every message about it.")
    suite: Id = Field(description="What is repeated and compared, e.g. checkout-load.")
    target: Id = Field(description="What is under stress; remediation needs a registered target.")
    started_at: Timestamp


class StressSampled(Message):
    """How a stress run stands, as often as its runner likes.

    Counts are totals since its start.
    """

    SCHEMA: ClassVar[str] = "grace.observability.v1.StressSampled"
    SUBJECT: ClassVar[str] = "telemetry.stress.sampled"

    run_id: Id
    suite: Id
    target: Id
    sequence: UInt32 = Field(
        description="Counts up within the run: the same number is the same sample."
    )
    at: Timestamp
    requests: UInt32
    errors: UInt32 = Field(description="At most `requests`.")
    p50_ms: Annotated[Double, Field(ge=0)] | None = Field(
        default=None, description="Latencies are absent where no request was answered."
    )
    p99_ms: Annotated[Double, Field(ge=0)] | None = None
    mean_ms: Annotated[Double, Field(ge=0)] | None = None


class StressEndedStatus(StrEnum):
    """A value that is not known here, sent by a newer program, reads as unspecified."""

    unspecified = "unspecified"
    passed = "passed"
    failed = "failed"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unspecified if isinstance(value, str) else None


class StressEnded(Message):
    """A stress run is over.

    One that failed with a failure kind is remediated, once.
    """

    SCHEMA: ClassVar[str] = "grace.observability.v1.StressEnded"
    SUBJECT: ClassVar[str] = "telemetry.stress.ended"

    run_id: Id
    suite: Id
    target: Id
    status: StressEndedStatus = Field(
        description="`unspecified` is refused: no verdict is not a success."
    )
    started_at: Timestamp
    ended_at: Timestamp
    requests: UInt32
    errors: UInt32 = Field(description="At most `requests`.")
    p50_ms: Annotated[Double, Field(ge=0)] | None = None
    p99_ms: Annotated[Double, Field(ge=0)] | None = None
    mean_ms: Annotated[Double, Field(ge=0)] | None = None
    failure_kind: Id | None = Field(
        default=None,
        description="The class of the problem, as in error.detected: postgres.blocked_sessions.",
    )
    message: Text | None = Field(
        default=None, description="For people. Never becomes a parameter of an action."
    )


class HealthBeat(Message):
    """How one process of a service is, every few seconds.

    A late beat is the news.
    """

    SCHEMA: ClassVar[str] = "grace.observability.v1.HealthBeat"
    SUBJECT: ClassVar[str] = "observability.health"

    service: Id = Field(description="Must be who signed it.")
    instance: Id = Field(description="One process; new at every start.")
    version: Id
    ready: Bool
    problems: tuple[Text, ...] = Field(default=(), max_length=100)
    quarantined: UInt32 = Field(description="Messages that the service keeps in quarantine.")
    outbox_lag_ms: UInt32 = Field(
        description="How long its oldest unsent message has waited; 0 where none waits."
    )
    interval_ms: Annotated[UInt32, Field(ge=1)] = Field(description="When the next beat is due.")
    at: Timestamp


class Alert(Message):
    """Part of `AlertRaised`, `AlertResolved`, `Alerts`, `Dashboard`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.Alert"

    alert_id: Id
    tenant_id: Id
    kind: Id = Field(
        description="service_late, service_degraded, stress_failure, quarantine_growing, event_lag"
    )
    subject: Id = Field(description="What it is about: a service or a suite.")
    severity: Id = Field(description="warning, critical")
    status: Id = Field(description="open, resolved")
    message: Text
    value: Double = Field(description="What was measured last.")
    threshold: Double = Field(description="What raised it: from here on.")
    raised_at: Timestamp
    seen_at: Timestamp = Field(description="When the condition was last seen to hold.")
    resolved_at: Timestamp | None = None


class AlertRaised(Message):
    """A condition that people should know of holds.

    There is one open alert per tenant, kind and subject.
    """

    SCHEMA: ClassVar[str] = "grace.observability.v1.AlertRaised"
    SUBJECT: ClassVar[str] = "observability.alert.raised"

    alert: Alert


class AlertResolved(Message):
    """The condition of an alert has ceased, for long enough to believe it."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.AlertResolved"
    SUBJECT: ClassVar[str] = "observability.alert.resolved"

    alert: Alert


class Alerts(Message):
    """The answer on `rpc.observability.alerts`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.Alerts"

    alerts: tuple[Alert, ...] = Field(default=(), max_length=1000)


class ListAlerts(Message):
    """The newest alerts first.

    Those of the tenant, and those of the installation itself (tenant `default`).
    """

    SCHEMA: ClassVar[str] = "grace.observability.v1.ListAlerts"
    SUBJECT: ClassVar[str] = "rpc.observability.alerts"
    REPLY: ClassVar[type[Alerts]] = Alerts

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)] = Field(description="At most 200 are answered.")
    status: Id | None = Field(
        default=None, description="open (where nothing is said), resolved, or all"
    )
    before: Id | None = Field(
        default=None, description="An alert id: the page goes on with older ones."
    )


class StressRun(Message):
    """Part of `CurrentStress`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.StressRun"

    run_id: Id
    suite: Id
    target: Id
    status: Id = Field(description="running, passed, failed, lost: not heard of again")
    started_at: Timestamp
    heard_at: Timestamp = Field(description="When its last message arrived.")
    ended_at: Timestamp | None = None
    requests: UInt32
    errors: UInt32
    error_rate: Double = Field(description="errors / requests; 0 where nothing was requested.")
    p50_ms: Double | None = None
    p99_ms: Double | None = None
    mean_ms: Double | None = None
    samples: UInt32
    failure_kind: Text | None = None
    message: Text | None = None


class CurrentStress(Message):
    """The answer on `rpc.observability.current`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CurrentStress"

    runs: tuple[StressRun, ...] = Field(
        default=(), max_length=1000, description="The newest first."
    )


class GetCurrent(Message):
    """The runs that go on, and the last one of every suite."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetCurrent"
    SUBJECT: ClassVar[str] = "rpc.observability.current"
    REPLY: ClassVar[type[CurrentStress]] = CurrentStress

    tenant_id: Id
    suite: Id | None = None


class TrendPoint(Message):
    """Part of `SuiteTrend`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.TrendPoint"

    run_id: Id
    status: Id
    ended_at: Timestamp
    error_rate: Double
    p99_ms: Double | None = None
    mean_ms: Double | None = None


class SuiteTrend(Message):
    """Part of `StressTrends`, `Dashboard`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.SuiteTrend"

    suite: Id
    runs: UInt32 = Field(
        description="Finished runs that were counted; a lost run counts as failed."
    )
    failed: UInt32
    requests: Int64
    errors: Int64
    error_rate: Double = Field(description="Over all requests of these runs.")
    p99_ms: Double | None = Field(default=None, description="Mean of the runs' p99.")
    worst_p99_ms: Double | None = None
    direction: Id = Field(
        description="improving, steady, worsening, unknown: fewer than three runs that requested anything"
    )
    p99_slope_ms: Double | None = Field(
        default=None,
        description="Least squares over the runs in their order: milliseconds per run.",
    )
    error_rate_slope: Double | None = Field(
        default=None,
        description="The same for the error rate of runs that requested anything, per run.",
    )
    points: tuple[TrendPoint, ...] = Field(
        default=(), max_length=100, description="The oldest first."
    )


class StressTrends(Message):
    """The answer on `rpc.observability.trends`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.StressTrends"

    suites: tuple[SuiteTrend, ...] = Field(default=(), max_length=1000)


class GetTrends(Message):
    """What the last runs of each suite come to, and where they are going."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetTrends"
    SUBJECT: ClassVar[str] = "rpc.observability.trends"
    REPLY: ClassVar[type[StressTrends]] = StressTrends

    tenant_id: Id
    suite: Id | None = None
    runs: Annotated[UInt32, Field(ge=1)] = Field(
        description="How many of a suite's last finished runs count; at most 100."
    )


class Remediation(Message):
    """Part of `RemediationStats`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.Remediation"

    remediation_id: Id = Field(description="Also the id of the intent.")
    run_id: Id
    suite: Id
    kind: Id
    target: Id
    status: Id = Field(description="due, skipped, open, verified, failed")
    due_at: Timestamp = Field(description="When the failed run was heard of.")
    closed_at: Timestamp | None = None
    mission_id: Text | None = None
    outcome: Text | None = Field(
        default=None,
        description="The mission's own end: verified, rolled_back, blocked, rejected .. and reopened, where a later look found the fault back.",
    )
    reason: Text | None = None
    submitted_at: Timestamp | None = Field(default=None, description="When it became an intent.")


class RemediationStats(Message):
    """The answer on `rpc.observability.remediation`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.RemediationStats"

    attempted: UInt32 = Field(description="What became an intent: verified + failed + open.")
    verified: UInt32 = Field(description="Executed, measured, and it held.")
    failed: UInt32 = Field(description="Every other end.")
    open: UInt32
    success_rate: Double = Field(
        description="verified / (verified + failed); 0 where none has ended."
    )
    recent: tuple[Remediation, ...] = Field(
        default=(), max_length=100, description="The newest first."
    )
    due: UInt32 = Field(description="Failed runs whose target is not looked up yet.")
    skipped: UInt32 = Field(
        description="Failed runs that could not become an intent; each says why."
    )


class GetRemediation(Message):
    """How automatic remediation fares: failed stress runs that became intents."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetRemediation"
    SUBJECT: ClassVar[str] = "rpc.observability.remediation"
    REPLY: ClassVar[type[RemediationStats]] = RemediationStats

    tenant_id: Id
    recent: Annotated[UInt32, Field(ge=1)] = Field(
        description="How many of the newest are listed; at most 100."
    )


class ServiceHealth(Message):
    """Part of `Dashboard`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.ServiceHealth"

    name: Id
    status: Id = Field(
        description="healthy, degraded, unreachable; unknown while observability has not listened for long enough"
    )
    instances: UInt32 = Field(description="Processes whose beat is in time.")
    problems: tuple[Text, ...] = Field(default=(), max_length=100)
    quarantined: UInt32
    outbox_lag_ms: UInt32
    version: Text | None = None
    beat_at: Timestamp | None = Field(
        default=None, description="Absent where it was never heard of."
    )


class ComponentHealth(Message):
    """Part of `Dashboard`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.ComponentHealth"

    name: Id = Field(description="prometheus, qdrant, vault")
    status: Id = Field(
        description="healthy, unreachable, not_configured; unknown until it was asked"
    )
    detail: Text | None = None


class Dashboard(Message):
    """The answer on `rpc.observability.dashboard`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.Dashboard"

    health_score: Double = Field(
        description="0 to 100; the formula is in services/observability/README.md."
    )
    status: Id = Field(description="healthy, degraded, unhealthy")
    at: Timestamp
    services: tuple[ServiceHealth, ...] = Field(
        default=(), max_length=1000, description="Every service of Grace, heard of or not."
    )
    components: tuple[ComponentHealth, ...] = Field(
        default=(), max_length=1000, description="What Grace can use and runs without."
    )
    open_alerts: UInt32
    alerts: tuple[Alert, ...] = Field(
        default=(), max_length=100, description="The newest open ones."
    )
    stress: tuple[SuiteTrend, ...] = Field(
        default=(), max_length=1000, description="Without their points."
    )
    remediation: RemediationStats = Field(description="Without the list.")


class GetDashboard(Message):
    """Everything at a glance: what people look at first."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetDashboard"
    SUBJECT: ClassVar[str] = "rpc.observability.dashboard"
    REPLY: ClassVar[type[Dashboard]] = Dashboard

    tenant_id: Id
