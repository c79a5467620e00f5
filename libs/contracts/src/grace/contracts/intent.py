"""The messages of grace.intent.v1. Generated from proto/ by proto/generate.py: do not edit."""

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field

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
    "ActionPlanned",
    "CheckPlaybook",
    "CheckedPlaybook",
    "Considered",
    "DeclareFreeze",
    "DistributionTest",
    "DistributionTestDirection",
    "EndFreeze",
    "ErrorCaptured",
    "ErrorDetected",
    "ErrorDetectedSeverity",
    "Expectation",
    "ExpectationComparison",
    "ExplainMission",
    "Explanation",
    "Freeze",
    "FreezeDeclared",
    "FreezeEnded",
    "Freezes",
    "GetIntent",
    "Hold",
    "HoldPlaced",
    "HoldReleased",
    "Holds",
    "ImportPlaybook",
    "ImportedPlaybook",
    "Intent",
    "IntentAccepted",
    "IntentSubmit",
    "IntentSubmitPriority",
    "Intents",
    "ListFreezes",
    "ListHolds",
    "ListIntents",
    "Measurement",
    "Plan",
    "PlannedAction",
    "PlannedMeasure",
    "PlanningBlocked",
    "PlaybookImported",
    "PlaybookProblem",
    "Preview",
    "PreviewChange",
    "PreviewIntent",
    "PreviewStep",
    "RecallMission",
    "RecalledMission",
    "Recorded",
    "ReleaseHold",
    "ReleasedHold",
    "ReplayMission",
    "Replayed",
    "ReporterJoined",
    "RunShadow",
    "ShadowReport",
    "Shadowed",
    "SubmitIntent",
    "TargetDefinition",
    "TestPlaybook",
    "TestedCase",
    "TestedPlaybook",
]


class Freeze(Message):
    """Nothing is planned meanwhile for the targets that fit target, kind and environment; what is not given fits all."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Freeze"

    freeze_id: Id
    tenant_id: Id
    reason: Annotated[LongText, Field(max_length=1000)]
    mode: Id = Field(description="wait: until it ends; ask: until somebody releases the mission")
    target: Id | None = None
    kind: Id | None = Field(default=None, description="Of target, e.g. postgres.")
    environment: Id | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
    timezone: Text | None = Field(
        default=None, description="With days it comes back every week, at these times of day there."
    )
    days: tuple[Text, ...] = Field(default=(), max_length=7, description="mon .. sun")
    from_time: Text | None = Field(default=None, description="22:00")
    until_time: Text | None = Field(
        default=None, description="06:00: past midnight where it is not later than from_time."
    )
    declared_by: Id
    declared_at: Timestamp
    ended_by: Id | None = None
    ended_at: Timestamp | None = None


class FreezeDeclared(Message):
    """Changes are to wait from now on, or in the windows that it names."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.FreezeDeclared"
    SUBJECT: ClassVar[str] = "intent.freeze.declared"

    freeze: Freeze


class FreezeEnded(Message):
    """Somebody ended a freeze before its time; what waited for it is planned again."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.FreezeEnded"
    SUBJECT: ClassVar[str] = "intent.freeze.ended"

    freeze: Freeze
    reason: Text | None = None


class DeclareFreeze(Message):
    """Asks on `rpc.intent.freeze`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.DeclareFreeze"
    SUBJECT: ClassVar[str] = "rpc.intent.freeze"
    REPLY: ClassVar[type[Freeze]] = Freeze

    tenant_id: Id
    principal: Id
    reason: Annotated[LongText, Field(max_length=1000)]
    mode: Id
    target: Id | None = None
    kind: Id | None = None
    environment: Id | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None
    timezone: Annotated[LongText, Field(max_length=64)] | None = None
    days: tuple[Text, ...] = Field(default=(), max_length=7)
    from_time: Annotated[LongText, Field(max_length=16)] | None = None
    until_time: Annotated[LongText, Field(max_length=16)] | None = None


class EndFreeze(Message):
    """Asks on `rpc.intent.thaw`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.EndFreeze"
    SUBJECT: ClassVar[str] = "rpc.intent.thaw"
    REPLY: ClassVar[type[Freeze]] = Freeze

    tenant_id: Id
    freeze_id: Id
    principal: Id
    reason: Annotated[LongText, Field(max_length=1000)] | None = None


class Freezes(Message):
    """The answer on `rpc.intent.freezes`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Freezes"

    freezes: tuple[Freeze, ...] = Field(
        default=(), max_length=100, description="Newest first, those that ended among them."
    )


class ListFreezes(Message):
    """Asks on `rpc.intent.freezes`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ListFreezes"
    SUBJECT: ClassVar[str] = "rpc.intent.freezes"
    REPLY: ClassVar[type[Freezes]] = Freezes

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Id | None = Field(
        default=None, description="A freeze id: the page goes on with older ones."
    )


class ErrorDetectedSeverity(StrEnum):
    """A value that is not known here, sent by a newer program, reads as unspecified."""

    unspecified = "unspecified"
    info = "info"
    warning = "warning"
    error = "error"
    critical = "critical"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unspecified if isinstance(value, str) else None


class ErrorDetected(Message):
    """Somebody saw an error: the raw report, from anyone."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ErrorDetected"
    SUBJECT: ClassVar[str] = "error.detected"

    source: Id = Field(description="The program that saw it, e.g. pg-watch.")
    kind: Id = Field(description="The class of the error, e.g. postgres.blocked_sessions.")
    target: Id = Field(description="The registered target that it is about.")
    message: Text = Field(description="For people. Never becomes a parameter of an action.")
    severity: ErrorDetectedSeverity = Field(
        description="A word that is none of them counts as error: no report is lost for it."
    )
    detected_at: Timestamp
    details: Struct | None = Field(
        default=None, description="Evidence, kept with the signal. Never becomes a parameter."
    )
    requested_by: Id | None = Field(
        default=None,
        description="Who asked the gateway to send it, or whose mission verification opens again. From any other publisher it is ignored.",
    )
    resolved: Bool | None = Field(
        default=None,
        description="It is over for this source, of which only for this instance where one is given, since detected_at. Where it is over for all who reported it, what has no plan yet is planned no more.",
    )
    sent_at: Timestamp | None = Field(
        default=None,
        description="When the gateway took it, where its id is made of what a repeat has again. From any other publisher it is ignored.",
    )
    instance: Id | None = Field(
        default=None,
        description="Which of several that source watches, e.g. a host: each says for itself that it is over.",
    )
    follows: Id | None = Field(
        default=None,
        description="The mission that verification opens again: whoever asked for that one asks for what follows. From any other publisher it is ignored.",
    )


class ErrorCaptured(Message):
    """An error was normalised and deduplicated: it has a mission."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ErrorCaptured"
    SUBJECT: ClassVar[str] = "error.captured"

    mission_id: Id
    tenant_id: Id
    signal_id: Id
    fingerprint: Id = Field(
        description="Equal errors have equal fingerprints: sha256 of tenant, kind and target, or of what a rule groups by."
    )
    source: Id
    kind: Id
    target: Id
    message: Text
    severity: Id
    requested_by: Id = Field(
        description="The principal who answers for the report, and may not approve what follows."
    )
    detected_at: Timestamp
    captured_at: Timestamp
    intent_id: Id | None = Field(
        default=None, description="The intent that opened the mission; unset where an error did."
    )


class ExpectationComparison(StrEnum):
    """A value that is not known here, sent by a newer program, reads as unspecified."""

    unspecified = "unspecified"
    at_most = "at_most"  # measured <= value
    at_least = "at_least"  # measured >= value
    ratio_of_baseline_at_least = "ratio_of_baseline_at_least"  # measured >= value x baseline
    above_baseline_at_most = "above_baseline_at_most"  # measured - baseline <= value

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unspecified if isinstance(value, str) else None


class Expectation(Message):
    """One field of the state that an action must bring about."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Expectation"

    field: Id
    comparison: ExpectationComparison
    value: Double


class Measurement(Message):
    """How the world is measured: an operation that only observes, run with other credentials than the action."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Measurement"

    operation: Id
    target: Id
    params: Annotated[LongText, Field(max_length=65536)] = Field(
        description="JSON object, the operation's parameters."
    )
    timeout_ms: Annotated[UInt32, Field(ge=1)]


class DistributionTestDirection(StrEnum):
    """A value that is not known here, sent by a newer program, reads as unspecified."""

    unspecified = "unspecified"
    not_lower = "not_lower"  # after does not lie lower than before
    not_higher = "not_higher"  # after does not lie higher than before

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unspecified if isinstance(value, str) else None


class DistributionTest(Message):
    """A field whose distribution must not have moved against the one measured before the incident (Mann-Whitney, one-sided)."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.DistributionTest"

    field: Id = Field(description="A number in each take, or a list of numbers.")
    direction: DistributionTestDirection
    alpha: Double = Field(
        description="Moved where chance alone would show as much less often than this."
    )


class PlannedMeasure(Message):
    """A measurement of the verification plan: what, when, how often, and how many of its takes may go wrong."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PlannedMeasure"

    name: Id = Field(description="One per action.")
    measurement: Measurement = Field(
        description="http.get and promql.query are measured by verification, on one of its sources; others by a worker."
    )
    expectations: tuple[Expectation, ...] = Field(default=(), max_length=100)
    distributions: tuple[DistributionTest, ...] = Field(default=(), max_length=16)
    count: Annotated[UInt32, Field(ge=1)]
    warmup_ms: UInt32 | None = Field(
        default=None, description="From the end of the action to the first take."
    )
    interval_ms: UInt32 | None = Field(default=None, description="From one take to the next.")
    failures_at_most: UInt32 | None = Field(
        default=None,
        description="Takes that break an expectation. One more: the action has failed.",
    )
    inconclusives_at_most: UInt32 | None = Field(
        default=None,
        description="Takes that lack what an expectation needs. One more: inconclusive.",
    )
    errors_at_most: UInt32 | None = Field(
        default=None, description="Takes that could not be taken. One more: inconclusive."
    )
    successes_at_least: UInt32 | None = Field(
        default=None,
        description="All takes but those that may go wrong, at least one, where nothing is said.",
    )
    dry_run: Bool | None = Field(default=None, description="It informs and decides nothing.")


class TargetDefinition(Message):
    """What a target stood for, by the worker's word: who approves a plan approves it for that, and for nothing else of the same name."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.TargetDefinition"

    target: Id
    sha256: Id


class PlannedAction(Message):
    """One typed step of a plan."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PlannedAction"

    action_id: Id
    sequence: UInt32 = Field(description="Counts from 0.")
    operation: Id
    kernel: Id
    target: Id
    params: Annotated[LongText, Field(max_length=65536)] = Field(
        description="JSON object, exactly these bytes are hashed."
    )
    params_hash: Id = Field(description="sha256 of params, lower-case hex.")
    tier: Annotated[UInt32, Field(ge=1)] = Field(
        description="1 harmless, 2 reversible change, 3 dangerous or irreversible."
    )
    reversible: Bool = Field(description="The operation has a revert.")
    timeout_ms: Annotated[UInt32, Field(ge=1)]
    expectations: tuple[Expectation, ...] = Field(default=(), max_length=1000)
    measurement: Measurement
    measures: tuple[PlannedMeasure, ...] = Field(
        default=(), max_length=16, description="What is measured besides."
    )
    environment: Id | None = Field(
        default=None,
        description="Of the target, as registered; plans of older versions do not say it.",
    )
    definitions: tuple[TargetDefinition, ...] = Field(
        default=(),
        max_length=17,
        description="Of all targets that it acts on or measures, as registered when it was planned; plans of older versions have none.",
    )


class Considered(Message):
    """A playbook that was looked at for a mission, and why it was taken or not."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Considered"

    playbook: Text = Field(description="Empty where a rule had no answer; the reason names it.")
    chosen: Bool
    reason: Text


class Plan(Message):
    """A plan.

    It travels and is stored as bytes that never change; their sha256 is the plan hash.
    """

    SCHEMA: ClassVar[str] = "grace.intent.v1.Plan"

    mission_id: Id
    tenant_id: Id
    playbook: Id
    playbook_version: UInt32
    kind: Id
    target: Id
    requested_by: Id
    planned_at: Timestamp
    detected_at: Timestamp
    actions: tuple[PlannedAction, ...] = Field(default=(), max_length=1000)
    considered: tuple[Considered, ...] = Field(default=(), max_length=1000)
    severity: Id | None = Field(
        default=None,
        description="info, warning, error, critical: of the error, or as urgent as the intent. The most urgent goes first.",
    )


class ActionPlanned(Message):
    """A plan stands for a mission."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ActionPlanned"
    SUBJECT: ClassVar[str] = "agentic.action_planned"

    mission_id: Id
    tenant_id: Id
    plan_hash: Id
    plan: Bytes = Field(description="The JSON of a Plan.")


class PlanningBlocked(Message):
    """No playbook could answer a captured error; the mission ends as blocked, with the reason."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PlanningBlocked"
    SUBJECT: ClassVar[str] = "agentic.planning_blocked"

    mission_id: Id
    tenant_id: Id
    reason: Text


class RecalledMission(Message):
    """The answer on `rpc.intent.recall`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.RecalledMission"

    captured: ErrorCaptured | None = None
    planned: ActionPlanned | None = None
    blocked: PlanningBlocked | None = None


class RecallMission(Message):
    """Asks intent to say again what it decided for missions: error.captured and the plan, if there is one."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.RecallMission"
    SUBJECT: ClassVar[str] = "rpc.intent.recall"
    REPLY: ClassVar[type[RecalledMission]] = RecalledMission

    mission_id: Id


class IntentSubmitPriority(StrEnum):
    """A value that is not known here, sent by a newer program, reads as unspecified."""

    unspecified = "unspecified"
    low = "low"
    normal = "normal"
    high = "high"
    critical = "critical"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unspecified if isinstance(value, str) else None


class IntentSubmit(Message):
    """Somebody wants something: Grace plans it, runs it and verifies it."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.IntentSubmit"
    SUBJECT: ClassVar[str] = "intent.submit"

    intent_id: Id = Field(
        description="The submitter's own, one per tenant: the same id and body is the same intent."
    )
    goal: Text = Field(description="For people. Never becomes a parameter of an action.")
    domain: Id = Field(description="What it is about, e.g. postgres.")
    sla_ms: Annotated[UInt32, Field(ge=1)] = Field(
        description="How long it may take from its acceptance to its end."
    )
    priority: IntentSubmitPriority | None = Field(
        default=None, description="normal where nothing is said."
    )
    kind: Id | None = Field(
        default=None,
        description="The class of the problem, which rules match as they match an error's; the domain where nothing is said.",
    )
    target: Id | None = Field(default=None, description="The registered target that it is about.")
    details: Struct | None = Field(
        default=None, description="For people. Never becomes a parameter."
    )
    requested_by: Id | None = Field(
        default=None,
        description="Who asked the gateway to send it. From any other publisher it is ignored.",
    )


class IntentAccepted(Message):
    """An intent was accepted, with the mission that answers it: its own, or the open one that it follows."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.IntentAccepted"
    SUBJECT: ClassVar[str] = "intent.accepted"

    intent_id: Id
    tenant_id: Id
    mission_id: Id
    requested_by: Id
    goal: Text
    domain: Id
    kind: Id
    priority: Id
    sla_ms: UInt32
    body_hash: Id = Field(description="sha256 of what was asked for, and by whom.")
    accepted_at: Timestamp
    target: Text | None = None


class ReporterJoined(Message):
    """Somebody reported the error of a mission that another one opened: as its opener, they ask for what answers it."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ReporterJoined"
    SUBJECT: ClassVar[str] = "intent.reporter.joined"

    tenant_id: Id
    mission_id: Id
    principal: Id
    joined_at: Timestamp


class Intent(Message):
    """A submitted intent and where it stands."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Intent"

    intent_id: Id
    tenant_id: Id
    goal: Text
    domain: Id
    kind: Id
    target: Text | None = None
    priority: Id = Field(description="low, normal, high, critical")
    sla_ms: UInt32
    requested_by: Id
    status: Id = Field(
        description="accepted, planning, running, and how its mission ended: verified, failed, rolled_back, rollback_failed, inconclusive, blocked, rejected, expired, cancelled"
    )
    mission_id: Id = Field(
        description="The mission that it opened, or the open one that it follows."
    )
    reason: Text | None = Field(default=None, description="Why it is blocked, waits or ended so.")
    accepted_at: Timestamp
    sla_deadline: Timestamp
    planned_at: Timestamp | None = None
    closed_at: Timestamp | None = None
    sla_met: Bool | None = Field(
        default=None, description="Unset until it has ended or the deadline has passed."
    )
    playbook: Text | None = None
    details: Struct | None = None
    reopened_at: Timestamp | None = Field(
        default=None,
        description="A later look found the fault back: what `status` says was true then, and is no success any more.",
    )


class SubmitIntent(Message):
    """The same for the gateway; answered after the commit."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.SubmitIntent"
    SUBJECT: ClassVar[str] = "rpc.intent.submit"
    REPLY: ClassVar[type[Intent]] = Intent

    tenant_id: Id
    requested_by: Id = Field(
        description="The authenticated person, who may not approve what follows."
    )
    intent: IntentSubmit
    idempotency_key: Annotated[LongText, Field(max_length=255)] | None = Field(
        default=None,
        description="The same key and intent is one intent, the same key and another intent is a conflict.",
    )


class GetIntent(Message):
    """Asks on `rpc.intent.get`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.GetIntent"
    SUBJECT: ClassVar[str] = "rpc.intent.get"
    REPLY: ClassVar[type[Intent]] = Intent

    tenant_id: Id
    intent_id: Id


class Intents(Message):
    """The answer on `rpc.intent.list`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Intents"

    intents: tuple[Intent, ...] = Field(default=(), max_length=1000, description="Newest first.")


class ListIntents(Message):
    """Asks on `rpc.intent.list`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ListIntents"
    SUBJECT: ClassVar[str] = "rpc.intent.list"
    REPLY: ClassVar[type[Intents]] = Intents

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Id | None = Field(
        default=None, description="An intent id: the page goes on with older intents."
    )
    status: Text | None = None


class HoldPlaced(Message):
    """A plan could be written, but has to wait: the mission came back too often, too lately, or the same action did not help."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.HoldPlaced"
    SUBJECT: ClassVar[str] = "intent.hold.placed"

    mission_id: Id
    tenant_id: Id
    cause: Id = Field(description="loop, flapping, cooldown, freeze, stale")
    reason: Text
    playbook: Id = Field(description="The one that would have answered.")
    held_until: Timestamp | None = Field(
        default=None, description="Unset where only a person ends it."
    )


class HoldReleased(Message):
    """Somebody let a mission go on; it is planned at once, and held again only by a freeze that begins later."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.HoldReleased"
    SUBJECT: ClassVar[str] = "intent.hold.released"

    mission_id: Id
    tenant_id: Id
    released_by: Id
    reason: Text | None = None


class Hold(Message):
    """A mission whose plan waits."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Hold"

    mission_id: Id
    tenant_id: Id
    kind: Id
    target: Id | None = None
    cause: Id = Field(description="loop, flapping, cooldown, freeze, stale")
    reason: Text
    requested_by: Id = Field(description="Who answers for the report; somebody else releases it.")
    held_at: Timestamp
    held_until: Timestamp | None = Field(
        default=None, description="Unset where only a person ends it."
    )
    playbook: Id | None = None


class Holds(Message):
    """The answer on `rpc.intent.holds`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Holds"

    holds: tuple[Hold, ...] = Field(default=(), max_length=100, description="Newest mission first.")


class ListHolds(Message):
    """Asks on `rpc.intent.holds`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ListHolds"
    SUBJECT: ClassVar[str] = "rpc.intent.holds"
    REPLY: ClassVar[type[Holds]] = Holds

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Id | None = Field(
        default=None, description="A mission id: the page goes on with older missions."
    )


class ReleasedHold(Message):
    """The answer on `rpc.intent.release`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ReleasedHold"

    mission_id: Id
    released_by: Id
    released_at: Timestamp


class ReleaseHold(Message):
    """Lets a mission go on; the same twice is a conflict, since it is not held any more."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ReleaseHold"
    SUBJECT: ClassVar[str] = "rpc.intent.release"
    REPLY: ClassVar[type[ReleasedHold]] = ReleasedHold

    tenant_id: Id
    mission_id: Id
    principal: Id
    reason: Annotated[LongText, Field(max_length=1000)] | None = None


class Explanation(Message):
    """Where planning stands for a mission: which playbooks were considered, which one was taken, what it waits for."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Explanation"

    mission_id: Id
    status: Id = Field(description="captured, planned, blocked, closed")
    playbook: Text | None = None
    playbook_version: UInt32 | None = None
    reason: Text | None = Field(default=None, description="Why it is blocked, waits or ended so.")
    hold: Text | None = Field(default=None, description="loop, flapping, cooldown, freeze, stale")
    held_until: Timestamp | None = None
    considered: tuple[Considered, ...] = Field(
        default=(), max_length=1000, description="The best first."
    )
    plan: Plan | None = None


class ExplainMission(Message):
    """Asks why a mission has this plan, or none."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ExplainMission"
    SUBJECT: ClassVar[str] = "rpc.intent.explain"
    REPLY: ClassVar[type[Explanation]] = Explanation

    tenant_id: Id
    mission_id: Id


class PreviewChange(Message):
    """Part of `PreviewStep`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PreviewChange"

    resource: Text
    before: Annotated[LongText, Field(max_length=16384)] = Field(description="JSON.")
    after: Annotated[LongText, Field(max_length=16384)] = Field(description="JSON.")


class PreviewStep(Message):
    """One action of a plan that would stand."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PreviewStep"

    operation: Id
    target: Id
    params: Annotated[LongText, Field(max_length=65536)] = Field(description="JSON object.")
    tier: UInt32 = Field(
        description="The operation's own; governance raises it by where and how much is changed."
    )
    reversible: Bool
    planned: Bool = Field(
        description="The operation was asked what it would change; problems say why it could not say."
    )
    changes: tuple[PreviewChange, ...] = Field(
        default=(), max_length=1000, description="Planned, and none: it would change nothing."
    )
    problems: tuple[Text, ...] = Field(default=(), max_length=1000)


class Preview(Message):
    """What would be decided about an error or an intent, by the rules of this moment.

    Nothing is stored, nothing acts.
    """

    SCHEMA: ClassVar[str] = "grace.intent.v1.Preview"

    decision: Id = Field(
        description="plan, wait: for the end of a change freeze, block, doubt: nobody answers who would have to"
    )
    playbook: Text | None = None
    playbook_version: UInt32 | None = None
    reason: Text | None = Field(default=None, description="Why there is no plan, or not yet.")
    considered: tuple[Considered, ...] = Field(
        default=(), max_length=1000, description="The best first."
    )
    steps: tuple[PreviewStep, ...] = Field(default=(), max_length=16)


class PreviewIntent(Message):
    """Asks what would be done for an intent, with what each operation would change."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PreviewIntent"
    SUBJECT: ClassVar[str] = "rpc.intent.preview"
    REPLY: ClassVar[type[Preview]] = Preview

    tenant_id: Id
    requested_by: Id
    intent: IntentSubmit


class Recorded(Message):
    """A mission as it was recorded."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Recorded"

    mission_id: Id
    kind: Id
    target: Text | None = None
    status: Id
    playbook: Text | None = None
    playbook_version: UInt32 | None = None
    outcome: Text | None = None
    captured_at: Timestamp
    reopened_at: Timestamp | None = Field(
        default=None, description="A later look found the fault back: the outcome was true then."
    )


class Replayed(Message):
    """The answer on `rpc.intent.replay`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Replayed"

    recorded: Recorded
    preview: Preview
    differs: Bool = Field(
        description="Another playbook, another version, or no plan where there was one."
    )


class ReplayMission(Message):
    """Asks how a recorded mission would be decided with one playbook more, or in another version."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ReplayMission"
    SUBJECT: ClassVar[str] = "rpc.intent.replay"
    REPLY: ClassVar[type[Replayed]] = Replayed

    tenant_id: Id
    mission_id: Id
    playbook: Annotated[LongText, Field(max_length=65536)] | None = Field(
        default=None, description="The text of a playbook; without it, the rules in force."
    )


class Shadowed(Message):
    """Part of `ShadowReport`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.Shadowed"

    recorded: Recorded
    decision: Id
    playbook: Text | None = None
    reason: Text | None = None
    differs: Bool


class ShadowReport(Message):
    """The answer on `rpc.intent.shadow`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ShadowReport"

    missions: UInt32
    planned: UInt32
    blocked: UInt32
    doubtful: UInt32
    differing: UInt32
    items: tuple[Shadowed, ...] = Field(default=(), max_length=500, description="Newest first.")


class RunShadow(Message):
    """Runs the planner over recorded missions and reports what it would have done."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.RunShadow"
    SUBJECT: ClassVar[str] = "rpc.intent.shadow"
    REPLY: ClassVar[type[ShadowReport]] = ShadowReport

    tenant_id: Id
    since: Timestamp
    limit: Annotated[UInt32, Field(ge=1)] = Field(description="At most 500 missions, the newest.")
    playbook: Annotated[LongText, Field(max_length=65536)] | None = None


class PlaybookProblem(Message):
    """Part of `CheckedPlaybook`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PlaybookProblem"

    line: UInt32
    text: Text = Field(description="What is wrong, and what to do.")


class CheckedPlaybook(Message):
    """The answer on `rpc.intent.check_playbook`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.CheckedPlaybook"

    valid: Bool
    problems: tuple[PlaybookProblem, ...] = Field(default=(), max_length=1000)
    playbook: Text | None = None
    playbook_version: UInt32 | None = None
    content_hash: Text | None = None


class CheckPlaybook(Message):
    """Asks whether a playbook is sound: its text, its condition, its operations."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.CheckPlaybook"
    SUBJECT: ClassVar[str] = "rpc.intent.check_playbook"
    REPLY: ClassVar[type[CheckedPlaybook]] = CheckedPlaybook

    source: Annotated[LongText, Field(max_length=65536)] = Field(description="YAML.")


class ImportedPlaybook(Message):
    """The answer on `rpc.intent.import_playbook`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ImportedPlaybook"

    playbook: Id
    playbook_version: UInt32
    content_hash: Id
    enabled: Bool


class ImportPlaybook(Message):
    """Takes a sound playbook into force; its version is pinned to its text."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ImportPlaybook"
    SUBJECT: ClassVar[str] = "rpc.intent.import_playbook"
    REPLY: ClassVar[type[ImportedPlaybook]] = ImportedPlaybook

    source: Annotated[LongText, Field(max_length=65536)]
    principal: Id


class PlaybookImported(Message):
    """A new version of a playbook stands: it plans from now on, unless its rule is disabled."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.PlaybookImported"
    SUBJECT: ClassVar[str] = "intent.playbook.imported"

    playbook: Id
    playbook_version: UInt32
    content_hash: Id
    actor: Id


class TestedCase(Message):
    """Part of `TestedPlaybook`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.TestedCase"

    name: Text
    passed: Bool
    problems: tuple[Text, ...] = Field(default=(), max_length=1000)


class TestedPlaybook(Message):
    """The answer on `rpc.intent.test_playbook`."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.TestedPlaybook"

    passed: Bool
    cases: tuple[TestedCase, ...] = Field(default=(), max_length=100)


class TestPlaybook(Message):
    """Runs the fixtures of a playbook: errors, and what it has to do about each.

    Nothing is asked of anybody.
    """

    SCHEMA: ClassVar[str] = "grace.intent.v1.TestPlaybook"
    SUBJECT: ClassVar[str] = "rpc.intent.test_playbook"
    REPLY: ClassVar[type[TestedPlaybook]] = TestedPlaybook

    source: Annotated[LongText, Field(max_length=65536)]
    fixtures: Annotated[LongText, Field(max_length=65536)] = Field(description="YAML.")
