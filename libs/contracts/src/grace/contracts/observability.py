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
    "CubeBreakdown",
    "CubeChange",
    "CubeComparison",
    "CubeFigures",
    "CubeFunnel",
    "CubePoint",
    "CubeRun",
    "CubeRuns",
    "CubeSelection",
    "CubeShare",
    "CubeStep",
    "CubeTrend",
    "CurrentStress",
    "Dashboard",
    "GetCubeBreakdown",
    "GetCubeComparison",
    "GetCubeFunnel",
    "GetCubeTrend",
    "GetCurrent",
    "GetDashboard",
    "GetRemediation",
    "GetTrends",
    "HealthBeat",
    "ListAlerts",
    "ListCubeRuns",
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


class CubeSelection(Message):
    """What is counted of the cube: facts of one kind within a time, of one tenant."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeSelection"

    tenant_id: Id
    fact: Id = Field(description="action, task, approval")
    from_time: Timestamp = Field(description="Whole hours: the one that it lies in is counted.")
    to_time: Timestamp = Field(
        description="Up to the hour before the one that begins then or later."
    )
    service: Text | None = Field(default=None, description="Only what was done for this target.")
    playbook: Text | None = None
    operation: Text | None = None
    origin: Text | None = Field(
        default=None, description="Only what this source reported, or this origin submitted."
    )


class CubeFigures(Message):
    """What facts come to."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeFigures"

    count: Int64
    succeeded: Int64 = Field(description="Verified actions, succeeded tasks, granted approvals.")
    success_rate: Double | None = Field(
        default=None, description="succeeded / count; absent where there is nothing."
    )
    mean: Double | None = Field(
        default=None,
        description="Of actions their confidence, of tasks milliseconds from due to their end, of approvals seconds that people took.",
    )


class CubePoint(Message):
    """Part of `CubeTrend`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubePoint"

    at: Timestamp = Field(description="When the bucket begins.")
    figures: CubeFigures


class CubeTrend(Message):
    """The answer on `rpc.observability.cube_trend`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeTrend"

    points: tuple[CubePoint, ...] = Field(
        default=(), max_length=1000, description="The oldest first; those without facts, too."
    )
    loaded_at: Timestamp | None = Field(
        default=None,
        description="When events of this fact were loaded the last time; of a funnel, captured errors.",
    )


class GetCubeTrend(Message):
    """How facts went over time."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetCubeTrend"
    SUBJECT: ClassVar[str] = "rpc.observability.cube_trend"
    REPLY: ClassVar[type[CubeTrend]] = CubeTrend

    selection: CubeSelection
    bucket: Id = Field(description="hour, day: of UTC")


class CubeShare(Message):
    """Part of `CubeBreakdown`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeShare"

    name: Text | None = Field(default=None, description="Absent where it is not known.")
    share: Double = Field(description="Of all facts, 0 to 1.")
    figures: CubeFigures


class CubeBreakdown(Message):
    """The answer on `rpc.observability.cube_breakdown`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeBreakdown"

    shares: tuple[CubeShare, ...] = Field(
        default=(), max_length=100, description="The most frequent first."
    )
    whole: CubeFigures = Field(description="Of all, listed or not.")
    loaded_at: Timestamp | None = None


class GetCubeBreakdown(Message):
    """Where facts come from, or what they are about."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetCubeBreakdown"
    SUBJECT: ClassVar[str] = "rpc.observability.cube_breakdown"
    REPLY: ClassVar[type[CubeBreakdown]] = CubeBreakdown

    selection: CubeSelection
    dimension: Id = Field(
        description="time (the hour of the day), service, playbook, operation, origin, outcome"
    )
    limit: Annotated[UInt32, Field(ge=1)] = Field(description="At most 100.")


class CubeStep(Message):
    """Part of `CubeFunnel`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeStep"

    name: Id = Field(description="captured, decided, granted, acted, executed, verified")
    missions: Int64 = Field(description="That came so far.")
    of_captured: Double | None = Field(
        default=None, description="missions / captured; absent where none was captured."
    )


class CubeFunnel(Message):
    """The answer on `rpc.observability.cube_funnel`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeFunnel"

    steps: tuple[CubeStep, ...] = Field(default=(), max_length=10)
    loaded_at: Timestamp | None = None


class GetCubeFunnel(Message):
    """How far missions came that were captured within a time."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetCubeFunnel"
    SUBJECT: ClassVar[str] = "rpc.observability.cube_funnel"
    REPLY: ClassVar[type[CubeFunnel]] = CubeFunnel

    selection: CubeSelection = Field(description="Its fact is not looked at.")


class CubeChange(Message):
    """Part of `CubeComparison`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeChange"

    name: Text | None = Field(default=None, description="Absent where it is not known.")
    before: CubeFigures
    now: CubeFigures


class CubeComparison(Message):
    """The answer on `rpc.observability.cube_comparison`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeComparison"

    changes: tuple[CubeChange, ...] = Field(
        default=(), max_length=100, description="The largest change of the count first."
    )
    before: CubeFigures = Field(description="Of all, listed or not.")
    now: CubeFigures
    loaded_at: Timestamp | None = None


class GetCubeComparison(Message):
    """What changed between a time and the one of the same length before it."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.GetCubeComparison"
    SUBJECT: ClassVar[str] = "rpc.observability.cube_comparison"
    REPLY: ClassVar[type[CubeComparison]] = CubeComparison

    selection: CubeSelection
    dimension: Id = Field(description="As in a breakdown.")
    limit: Annotated[UInt32, Field(ge=1)] = Field(description="At most 100.")


class CubeRun(Message):
    """Part of `CubeRuns`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeRun"

    run_id: Int64
    step: Id = Field(
        description="mission, plan, action, task, approval: events were loaded; hours: the figures of hours were made anew"
    )
    read: Int64 = Field(description="Events, or hours.")
    written: Int64 = Field(description="Rows.")
    oldest_at: Timestamp | None = Field(
        default=None, description="Of the events, when the first and the last were sent."
    )
    newest_at: Timestamp | None = None
    loaded_at: Timestamp


class CubeRuns(Message):
    """The answer on `rpc.observability.cube_runs`."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.CubeRuns"

    runs: tuple[CubeRun, ...] = Field(default=(), max_length=200, description="The newest first.")


class ListCubeRuns(Message):
    """How the cube was loaded."""

    SCHEMA: ClassVar[str] = "grace.observability.v1.ListCubeRuns"
    SUBJECT: ClassVar[str] = "rpc.observability.cube_runs"
    REPLY: ClassVar[type[CubeRuns]] = CubeRuns

    limit: Annotated[UInt32, Field(ge=1)] = Field(description="At most 200.")


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
