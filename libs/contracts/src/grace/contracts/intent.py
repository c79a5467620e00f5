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
    "ErrorCaptured",
    "ErrorDetected",
    "ErrorDetectedSeverity",
    "Expectation",
    "ExpectationComparison",
    "Measurement",
    "Plan",
    "PlannedAction",
    "PlanningBlocked",
    "RecallMission",
    "RecalledMission",
]


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
    severity: ErrorDetectedSeverity
    detected_at: Timestamp
    details: Struct | None = Field(
        default=None, description="Evidence, kept with the signal. Never becomes a parameter."
    )


class ErrorCaptured(Message):
    """An error was normalised and deduplicated: it has a mission."""

    SCHEMA: ClassVar[str] = "grace.intent.v1.ErrorCaptured"
    SUBJECT: ClassVar[str] = "error.captured"

    mission_id: Id
    tenant_id: Id
    signal_id: Id
    fingerprint: Id = Field(
        description="Equal errors have equal fingerprints: sha256 of tenant, kind and target."
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
