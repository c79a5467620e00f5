"""The messages of grace.worker.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Id, LongText, Text, Timestamp, UInt32

__all__ = [
    "ListTargets",
    "PreviewAction",
    "PreviewedAction",
    "PreviewedChange",
    "SecretRefused",
    "Target",
    "Targets",
    "ValidateAction",
    "ValidateActions",
    "ValidatedAction",
    "ValidatedActions",
]


class ValidatedAction(Message):
    """The answer on `rpc.worker.validate`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.ValidatedAction"

    valid: Bool
    problems: tuple[Text, ...] = Field(
        default=(), max_length=1000, description="What is wrong, one line each."
    )
    kernel: Text = Field(description="Empty where the operation is unknown.")
    tier: UInt32
    reversible: Bool
    observes_only: Bool
    timeout_ms: UInt32
    environment: Id | None = Field(default=None, description="Of the target, as registered.")
    definition: Id | None = Field(default=None, description="sha256 of what the target stands for.")


class ValidateAction(Message):
    """Asks whether an operation with these parameters could run, and what it is.

    Nothing is touched.
    """

    SCHEMA: ClassVar[str] = "grace.worker.v1.ValidateAction"
    SUBJECT: ClassVar[str] = "rpc.worker.validate"
    REPLY: ClassVar[type[ValidatedAction]] = ValidatedAction

    operation: Id
    target: Id
    params: Annotated[LongText, Field(max_length=65536)]


class ValidatedActions(Message):
    """The answer on `rpc.worker.validations`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.ValidatedActions"

    answers: tuple[ValidatedAction, ...] = Field(
        default=(), max_length=256, description="In the order of the questions."
    )


class ValidateActions(Message):
    """Asks the same of many operations at once."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.ValidateActions"
    SUBJECT: ClassVar[str] = "rpc.worker.validations"
    REPLY: ClassVar[type[ValidatedActions]] = ValidatedActions

    actions: tuple[ValidateAction, ...] = Field(default=(), max_length=256)


class PreviewedChange(Message):
    """Part of `PreviewedAction`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.PreviewedChange"

    resource: Text
    before: Annotated[LongText, Field(max_length=16384)] = Field(description="JSON.")
    after: Annotated[LongText, Field(max_length=16384)] = Field(description="JSON.")


class PreviewedAction(Message):
    """The answer on `rpc.worker.preview`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.PreviewedAction"

    changes: tuple[PreviewedChange, ...] = Field(
        default=(), max_length=1000, description="None: it would change nothing."
    )
    problems: tuple[Text, ...] = Field(
        default=(), max_length=1000, description="Why it could not say."
    )


class PreviewAction(Message):
    """Asks what an operation would change: its dry run, with the credentials that only observe."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.PreviewAction"
    SUBJECT: ClassVar[str] = "rpc.worker.preview"
    REPLY: ClassVar[type[PreviewedAction]] = PreviewedAction

    operation: Id
    target: Id
    params: Annotated[LongText, Field(max_length=65536)]


class Target(Message):
    """Part of `Targets`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.Target"

    target: Id
    kind: Id
    environment: Id


class Targets(Message):
    """The answer on `rpc.worker.targets`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.Targets"

    targets: tuple[Target, ...] = Field(default=(), max_length=1000)


class ListTargets(Message):
    """Asks on `rpc.worker.targets`."""

    SCHEMA: ClassVar[str] = "grace.worker.v1.ListTargets"
    SUBJECT: ClassVar[str] = "rpc.worker.targets"
    REPLY: ClassVar[type[Targets]] = Targets


class SecretRefused(Message):
    """An operation was not given a secret: nobody consented to it.

    Nothing was done with it.
    """

    SCHEMA: ClassVar[str] = "grace.worker.v1.SecretRefused"
    SUBJECT: ClassVar[str] = "worker.secret.refused"

    tenant_id: Id
    secret: Id
    operation: Id
    step: Id
    target: Id
    target_class: Id
    reason: Text
    refused_at: Timestamp
    task_id: Text | None = None
    contract_id: Text | None = None
    mission_id: Text | None = None
