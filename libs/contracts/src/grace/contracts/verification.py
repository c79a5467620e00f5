"""The messages of grace.verification.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.intent import PlannedAction
from grace.contracts.message import Message
from grace.contracts.scalars import (
    Bool,
    Bytes,
    Double,
    Id,
    LongText,
    Struct,
    Text,
    Timestamp,
    UInt32,
)

__all__ = [
    "ActionClosed",
    "ActionExecuting",
    "AttentionDecided",
    "AttentionNeeded",
    "Baseline",
    "BaselineSamples",
    "BaselineValue",
    "BenchmarkCheck",
    "BenchmarkDrift",
    "BenchmarkRun",
    "Contract",
    "ContractDetail",
    "ContractDrafted",
    "ContractView",
    "DecideAttention",
    "DraftContract",
    "FieldConflict",
    "GetBaseline",
    "GetBenchmarkRun",
    "GetContract",
    "GetMission",
    "GetTimeline",
    "ListMissions",
    "ListTargetHolds",
    "MeasureBaseline",
    "Mission",
    "MissionClosed",
    "MissionReopened",
    "Missions",
    "ProblemResolved",
    "RunBenchmarks",
    "TakeBaseline",
    "TakeView",
    "TargetHold",
    "TargetHolds",
    "Timeline",
    "TimelineEntry",
    "ValidateMeasurement",
    "ValidatedMeasurement",
    "WaitingContract",
    "WatchView",
]


class FieldConflict(Message):
    """A field that is neither as it was before an action nor as the action left it.

    The values are JSON texts.
    """

    SCHEMA: ClassVar[str] = "grace.verification.v1.FieldConflict"

    field: Text
    before: Text | None = None
    expected: Text | None = Field(default=None, description="As the action left it.")
    now: Text | None = None


class ContractView(Message):
    """Part of `Mission`, `ContractDetail`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ContractView"

    contract_id: Id
    action_id: Id
    operation: Id
    target: Id
    tier: UInt32
    status: Id
    contract_hash: Id
    confidence: Double
    actual_state: Struct | None = Field(
        default=None, description="REQUIREMENTS R2-09, in the schema of the expected state."
    )
    expected_state: Struct | None = None
    restored_state: Struct | None = Field(
        default=None, description="What was measured after a revert."
    )
    reason: Text | None = None
    revision: UInt32 | None = Field(
        default=None,
        description="Of the verdict that counts, where a later look took the first one back.",
    )
    revised_verdict: Text | None = None
    revised_reason: Text | None = None
    conflict: tuple[FieldConflict, ...] = Field(
        default=(),
        max_length=1000,
        description="Why a rollback stopped: what somebody else has changed.",
    )


class Mission(Message):
    """The answer on `rpc.verification.decide`, `rpc.verification.mission`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.Mission"

    mission_id: Id
    tenant_id: Id
    kind: Id
    target: Id
    status: Id
    confidence: Double
    requested_by: Id
    opened_at: Timestamp
    closed_at: Timestamp | None = None
    playbook: Text | None = None
    plan_hash: Text | None = None
    reason: Text | None = None
    contracts: tuple[ContractView, ...] = Field(default=(), max_length=1000)
    reopened_at: Timestamp | None = Field(
        default=None,
        description="A later look found the fault back: what `status` says was true then.",
    )


class DecideAttention(Message):
    """A person decides about a mission that needs attention.

    Conflict where it does not, or was decided.
    """

    SCHEMA: ClassVar[str] = "grace.verification.v1.DecideAttention"
    SUBJECT: ClassVar[str] = "rpc.verification.decide"
    REPLY: ClassVar[type[Mission]] = Mission

    tenant_id: Id
    mission_id: Id
    choice: Id = Field(description="accept, retry_revert, close")
    principal: Id
    reason: Annotated[LongText, Field(max_length=1000)]


class AttentionNeeded(Message):
    """A contract rests until a person decides: what its action did, or whether it was undone, is not known."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.AttentionNeeded"
    SUBJECT: ClassVar[str] = "verification.attention.needed"

    mission_id: Id
    tenant_id: Id
    contract_id: Id
    playbook: Id
    playbook_version: UInt32
    operation: Id
    target: Id
    target_class: Id
    undoing: Bool = Field(
        description="Whether it was to be undone: then it counts as a rollback, whatever becomes of it."
    )
    reason: Annotated[LongText, Field(max_length=1000)]
    needed_at: Timestamp


class AttentionDecided(Message):
    """A person has decided about a mission that needed attention."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.AttentionDecided"
    SUBJECT: ClassVar[str] = "verification.attention.decided"

    mission_id: Id
    tenant_id: Id
    contract_id: Id
    choice: Id = Field(description="accept, retry_revert, close")
    decided_by: Id
    reason: Annotated[LongText, Field(max_length=1000)]
    decided_at: Timestamp


class WaitingContract(Message):
    """Part of `TargetHold`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.WaitingContract"

    contract_id: Id
    mission_id: Id
    waiting_since: Timestamp
    waits_until: Timestamp = Field(description="Then it expires.")


class TargetHold(Message):
    """Part of `TargetHolds`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.TargetHold"

    target: Id
    contract_id: Id = Field(
        description="Who acts on it, or did last; another-tenant where that is not yours."
    )
    mission_id: Id
    status: Id = Field(description="Of that contract.")
    taken_at: Timestamp
    waiting: tuple[WaitingContract, ...] = Field(
        default=(), max_length=1000, description="Who comes next is first."
    )


class TargetHolds(Message):
    """The answer on `rpc.verification.holds`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.TargetHolds"

    holds: tuple[TargetHold, ...] = Field(default=(), max_length=1000)


class ListTargetHolds(Message):
    """The targets that contracts hold, by name, each with who waits for it."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ListTargetHolds"
    SUBJECT: ClassVar[str] = "rpc.verification.holds"
    REPLY: ClassVar[type[TargetHolds]] = TargetHolds

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    after: Text | None = Field(default=None, description="A target: the page goes on behind it.")


class BaselineValue(Message):
    """Part of `Contract`, `MeasureBaseline`, `Baseline`, `TakeView`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.BaselineValue"

    field: Id
    value: Double


class BaselineSamples(Message):
    """Part of `MeasureBaseline`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.BaselineSamples"

    field: Id
    values: tuple[Double, ...] = Field(default=(), max_length=1000)


class MeasureBaseline(Message):
    """What a measure of the plan showed before the incident."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.MeasureBaseline"

    measure: Id
    baseline_id: Id
    measured_at: Timestamp
    values: tuple[BaselineValue, ...] = Field(default=(), max_length=1000)
    samples: tuple[BaselineSamples, ...] = Field(default=(), max_length=16)


class Contract(Message):
    """What an action promises.

    It travels and is stored as bytes that never change; their sha256 is the contract hash.
    """

    SCHEMA: ClassVar[str] = "grace.verification.v1.Contract"

    contract_id: Id = Field(description="contract-<16 hex>-<unix time>")
    mission_id: Id
    tenant_id: Id
    plan_hash: Id
    playbook: Id
    playbook_version: UInt32
    requested_by: Id
    action: PlannedAction
    baseline: tuple[BaselineValue, ...] = Field(
        default=(),
        max_length=1000,
        description="As measured before the incident; empty where none was stored.",
    )
    baseline_id: Text | None = None
    baseline_measured_at: Timestamp | None = None
    drafted_at: Timestamp
    revision: UInt32 = Field(description="Counts from 1.")
    baselines: tuple[MeasureBaseline, ...] = Field(
        default=(), max_length=16, description="One per measure of the plan that has one."
    )
    severity: Id | None = Field(default=None, description="Of the plan: how urgent its tasks are.")


class DraftContract(Message):
    """Part of `ContractDrafted`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.DraftContract"

    contract_id: Id
    action_id: Id
    contract_hash: Id
    contract: Bytes = Field(description="The JSON of a Contract.")


class ContractDrafted(Message):
    """A mission's contracts are drafted and wait for permission."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ContractDrafted"
    SUBJECT: ClassVar[str] = "verification.contract.drafted"

    mission_id: Id
    tenant_id: Id
    plan_hash: Id
    playbook: Id
    requested_by: Id
    contracts: tuple[DraftContract, ...] = Field(default=(), max_length=100)


class ActionExecuting(Message):
    """An approved action holds its target and is handed to a worker."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ActionExecuting"
    SUBJECT: ClassVar[str] = "agentic.action_executing"

    mission_id: Id
    tenant_id: Id
    contract_id: Id
    action_id: Id
    step: Id = Field(description="apply or revert")
    task_id: Id
    target: Id


class ActionClosed(Message):
    """A contract has its verdict; its target is free again."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ActionClosed"
    SUBJECT: ClassVar[str] = "verification.action.closed"

    mission_id: Id
    tenant_id: Id
    contract_id: Id
    revision: UInt32
    playbook: Id
    playbook_version: UInt32
    operation: Id
    target: Id
    verdict: Id = Field(
        description="verified, failed, rolled_back, rollback_failed, inconclusive, blocked"
    )
    confidence: Double
    executed: Bool
    closed_at: Timestamp
    reason: Text | None = None
    target_class: Id | None = Field(
        default=None, description="The kernel that acts on such targets."
    )


class ProblemResolved(Message):
    """A mission ended with every action verified."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ProblemResolved"
    SUBJECT: ClassVar[str] = "agentic.problem_resolved"

    mission_id: Id
    tenant_id: Id
    target: Id
    confidence: Double
    resolved_at: Timestamp


class MissionClosed(Message):
    """Any end of a mission: verified, failed, rolled_back, rollback_failed, inconclusive, blocked, rejected, expired, cancelled."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.MissionClosed"
    SUBJECT: ClassVar[str] = "verification.mission.closed"

    mission_id: Id
    tenant_id: Id
    status: Id
    confidence: Double
    closed_at: Timestamp
    reason: Text | None = None


class MissionReopened(Message):
    """A later look found the fault back: a contract that was verified has a new revision, which is `failed`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.MissionReopened"
    SUBJECT: ClassVar[str] = "verification.mission.reopened"

    mission_id: Id
    tenant_id: Id
    contract_id: Id
    revision: UInt32
    reason: Text
    reopened_at: Timestamp


class Missions(Message):
    """The answer on `rpc.verification.missions`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.Missions"

    missions: tuple[Mission, ...] = Field(default=(), max_length=1000)


class ListMissions(Message):
    """Asks on `rpc.verification.missions`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ListMissions"
    SUBJECT: ClassVar[str] = "rpc.verification.missions"
    REPLY: ClassVar[type[Missions]] = Missions

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Text | None = Field(
        default=None, description="A mission id: the page goes on with older missions."
    )
    status: Text | None = None


class GetMission(Message):
    """Asks on `rpc.verification.mission`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.GetMission"
    SUBJECT: ClassVar[str] = "rpc.verification.mission"
    REPLY: ClassVar[type[Mission]] = Mission

    tenant_id: Id
    mission_id: Id


class TimelineEntry(Message):
    """Part of `Timeline`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.TimelineEntry"

    event_id: Id
    at: Timestamp
    service: Id = Field(description="Who did it.")
    subject: Id = Field(description="The message that told of it.")
    summary: Text
    contract_id: Text | None = None


class Timeline(Message):
    """The answer on `rpc.verification.timeline`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.Timeline"

    entries: tuple[TimelineEntry, ...] = Field(default=(), max_length=10000)


class GetTimeline(Message):
    """Asks on `rpc.verification.timeline`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.GetTimeline"
    SUBJECT: ClassVar[str] = "rpc.verification.timeline"
    REPLY: ClassVar[type[Timeline]] = Timeline

    tenant_id: Id
    mission_id: Id


class Baseline(Message):
    """The answer on `rpc.verification.baseline`, `rpc.verification.baseline_of`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.Baseline"

    baseline_id: Id
    target: Id
    operation: Id
    status: Id = Field(description="measuring, stored, failed")
    values: tuple[BaselineValue, ...] = Field(default=(), max_length=1000)
    measured_at: Timestamp | None = None
    reason: Text | None = None


class TakeBaseline(Message):
    """Measures a target while it is healthy and keeps the result as its baseline."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.TakeBaseline"
    SUBJECT: ClassVar[str] = "rpc.verification.baseline"
    REPLY: ClassVar[type[Baseline]] = Baseline

    tenant_id: Id
    target: Id
    operation: Id
    params: Annotated[LongText, Field(max_length=65536)]
    timeout_ms: Annotated[UInt32, Field(ge=1)]
    requested_by: Id


class GetBaseline(Message):
    """Asks on `rpc.verification.baseline_of`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.GetBaseline"
    SUBJECT: ClassVar[str] = "rpc.verification.baseline_of"
    REPLY: ClassVar[type[Baseline]] = Baseline

    tenant_id: Id
    baseline_id: Id


class ValidatedMeasurement(Message):
    """The answer on `rpc.verification.validate`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ValidatedMeasurement"

    valid: Bool
    problems: tuple[Text, ...] = Field(default=(), max_length=1000)
    timeout_ms: UInt32 = Field(description="What it may take; 0 where it is not valid.")


class ValidateMeasurement(Message):
    """Asks whether a measurement that verification takes itself could be taken; nothing is measured."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ValidateMeasurement"
    SUBJECT: ClassVar[str] = "rpc.verification.validate"
    REPLY: ClassVar[type[ValidatedMeasurement]] = ValidatedMeasurement

    operation: Id = Field(description="http.get or promql.query")
    source: Id = Field(description="One of the file of sources.")
    params: Annotated[LongText, Field(max_length=65536)]


class BenchmarkDrift(Message):
    """Part of `BenchmarkCheck`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.BenchmarkDrift"

    field: Id
    golden: Double
    measured: Double = Field(description="The median of the takes.")
    drift: Double = Field(
        description="The distance, as a share of the golden value; as it is where that is 0, which only 0 is near."
    )
    holds: Bool


class BenchmarkCheck(Message):
    """Part of `BenchmarkRun`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.BenchmarkCheck"

    target: Id
    operation: Id
    baseline_id: Id
    outcome: Id = Field(description="passed, failed, inconclusive")
    why: Text
    drifts: tuple[BenchmarkDrift, ...] = Field(default=(), max_length=100)


class BenchmarkRun(Message):
    """The answer on `rpc.verification.benchmark`, `rpc.verification.benchmark_of`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.BenchmarkRun"

    run_id: Id
    suite: Id = Field(description="smoke, regression")
    status: Id = Field(description="measuring, passed, failed, inconclusive")
    tolerance: Double
    baselines: UInt32 = Field(description="How many are held against.")
    checks: tuple[BenchmarkCheck, ...] = Field(
        default=(), max_length=1000, description="Empty while it is measured."
    )
    started_at: Timestamp
    ended_at: Timestamp | None = None


class RunBenchmarks(Message):
    """Measures everything that has a golden baseline: whether it can be measured (smoke), or has drifted (regression)."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.RunBenchmarks"
    SUBJECT: ClassVar[str] = "rpc.verification.benchmark"
    REPLY: ClassVar[type[BenchmarkRun]] = BenchmarkRun

    tenant_id: Id
    suite: Id = Field(description="smoke, regression")
    requested_by: Id
    target: Id | None = Field(default=None, description="Only its baselines.")
    tolerance: Double | None = Field(
        default=None,
        description="How far a field may be from its golden value, as a share of it; 0.2 where nothing is said.",
    )


class GetBenchmarkRun(Message):
    """Asks on `rpc.verification.benchmark_of`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.GetBenchmarkRun"
    SUBJECT: ClassVar[str] = "rpc.verification.benchmark_of"
    REPLY: ClassVar[type[BenchmarkRun]] = BenchmarkRun

    tenant_id: Id
    run_id: Id


class TakeView(Message):
    """One take of a measure of the plan."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.TakeView"

    measure: Text = Field(description="`(measurement)` is the contract's own, in a late look.")
    number: UInt32
    look: UInt32 = Field(description="0 for the verdict, from 1 on a late look.")
    status: Id = Field(description="due, measured, failed, dropped")
    due_at: Timestamp
    ended_at: Timestamp | None = None
    values: tuple[BaselineValue, ...] = Field(
        default=(), max_length=1000, description="The numbers, the first twenty by name."
    )
    reason: Text | None = None


class WatchView(Message):
    """One late look."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.WatchView"

    look: UInt32
    status: Id = Field(description="due, measuring, quiet, returned, unknown, skipped")
    due_at: Timestamp
    confidence: Double | None = None
    reason: Text | None = None


class ContractDetail(Message):
    """The answer on `rpc.verification.contract`."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.ContractDetail"

    mission_id: Id
    contract: ContractView
    takes: tuple[TakeView, ...] = Field(default=(), max_length=1000)
    watches: tuple[WatchView, ...] = Field(default=(), max_length=100)


class GetContract(Message):
    """One contract with everything that was measured for it, and will be."""

    SCHEMA: ClassVar[str] = "grace.verification.v1.GetContract"
    SUBJECT: ClassVar[str] = "rpc.verification.contract"
    REPLY: ClassVar[type[ContractDetail]] = ContractDetail

    tenant_id: Id
    contract_id: Id
