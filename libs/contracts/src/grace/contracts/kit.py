"""The messages of grace.kit.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Bytes, Id, Text, Timestamp, UInt32

__all__ = [
    "KeptMessage",
    "ListQuarantined",
    "Problem",
    "QuarantinePage",
    "QuarantineSettled",
    "Quarantined",
    "SettleQuarantined",
]


class Problem(Message):
    """The answer to a request that failed."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.Problem"

    kind: Id = Field(description="One word out of the closed list in libs/kit errors.")
    detail: Text


class Quarantined(Message):
    """A message that could not be handled, with the reason."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.Quarantined"
    SUBJECT: ClassVar[str] = "quarantine.{service}"

    original_subject: Text
    original_id: Text
    consumer: Id
    reason: Id = Field(
        description="not_json, schema, too_large, unsigned, bad_signature, foreign_key, bad_id, issued_in_future, too_old, refused, handler_failed"
    )
    detail: Text
    body: Bytes = Field(description="The first 64 KiB.")
    at: Timestamp


class KeptMessage(Message):
    """A message in the quarantine, without what it says."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.KeptMessage"

    quarantine_id: Id
    place: Id = Field(description="Where it stands among them.")
    subject: Text
    message_id: Text
    consumer: Text = Field(
        description="Who could not handle it; empty where it came with a request."
    )
    reason: Text
    detail: Text
    message_schema: Text = Field(description="As it says itself, like key_id and tenant_id.")
    key_id: Text
    tenant_id: Text
    kept_bytes: UInt32 = Field(
        description="Of what never passed the door, the first 64 KiB at most."
    )
    sha256: Text = Field(description="Of the bytes that are kept, in hex.")
    received_at: Timestamp


class QuarantinePage(Message):
    """The answer on `rpc.{service}.quarantined`."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.QuarantinePage"

    messages: tuple[KeptMessage, ...] = Field(default=(), max_length=1000)


class ListQuarantined(Message):
    """What a service keeps in its quarantine, newest first.

    {service} is whose it is.
    """

    SCHEMA: ClassVar[str] = "grace.kit.v1.ListQuarantined"
    SUBJECT: ClassVar[str] = "rpc.{service}.quarantined"
    REPLY: ClassVar[type[QuarantinePage]] = QuarantinePage

    before: Id | None = Field(
        default=None, description="The place of the last message of the page before."
    )
    limit: Annotated[UInt32, Field(ge=1)]


class QuarantineSettled(Message):
    """A message left the quarantine since a person said so."""

    SCHEMA: ClassVar[str] = "grace.kit.v1.QuarantineSettled"
    SUBJECT: ClassVar[str] = "quarantine.{service}.settled"

    quarantine_id: Id
    original_subject: Text
    original_id: Text
    consumer: Text
    outcome: Id = Field(description="handled; unchanged: its handler had nothing to do; discarded")
    detail: Text = Field(description="Why nothing changed, as its handler counts it.")
    sha256: Text = Field(description="Of the bytes that were kept, in hex.")
    principal: Id
    reason: Text


class SettleQuarantined(Message):
    """A person has a message handled again, or lets it go.

    Either way it leaves the quarantine, once.
    """

    SCHEMA: ClassVar[str] = "grace.kit.v1.SettleQuarantined"
    SUBJECT: ClassVar[str] = "rpc.{service}.settle_quarantined"
    REPLY: ClassVar[type[QuarantineSettled]] = QuarantineSettled

    quarantine_id: Id
    replay: Bool = Field(description="false: it is let go.")
    principal: Id
    reason: Text
