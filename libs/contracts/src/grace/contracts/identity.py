"""The messages of grace.identity.v1. Generated from proto/ by proto/generate.py: do not edit."""

from typing import Annotated, ClassVar

from pydantic import Field

from grace.contracts.message import Message
from grace.contracts.scalars import Bool, Bytes, Id, Int64, LongText, Text, Timestamp, UInt32

__all__ = [
    "AppendRows",
    "AppendedRows",
    "AuditRow",
    "Checkpoint",
    "CheckpointPublished",
    "Entries",
    "Entry",
    "GetCheckpoint",
    "GetProof",
    "IssueKey",
    "IssuedKey",
    "KeyRotated",
    "ListEntries",
    "Proof",
    "ReadRegistry",
    "RegisteredKey",
    "Registry",
]


class IssuedKey(Message):
    """The answer on `rpc.identity.issue.{service}`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.IssuedKey"

    key_id: Id
    public_key: Bytes = Field(description="Ed25519, 32 bytes.")
    sealed_private_key: Bytes = Field(
        description="AES-256-GCM, key by X25519 and HKDF-SHA256; see libs/kit sealing."
    )
    ephemeral_public_key: Bytes = Field(description="Identity's half.")
    expires_at: Timestamp
    sealed_storage_key: Bytes | None = Field(
        default=None, description="For what the service encrypts at rest; the same for ever."
    )
    storage_ephemeral_public_key: Bytes | None = Field(
        default=None, description="Identity's half for it: each seal has its own."
    )


class IssueKey(Message):
    """A service asks for its signing key.

    Only its own NATS user may publish on its own subject.
    """

    SCHEMA: ClassVar[str] = "grace.identity.v1.IssueKey"
    SUBJECT: ClassVar[str] = "rpc.identity.issue.{service}"
    REPLY: ClassVar[type[IssuedKey]] = IssuedKey

    component: Id = Field(description="Must be the service in the subject.")
    ephemeral_public_key: Bytes = Field(
        description="X25519, 32 bytes, used once: the answer is sealed to it."
    )


class RegisteredKey(Message):
    """Part of `Registry`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.RegisteredKey"

    key_id: Id
    component: Id
    public_key: Bytes
    status: Id = Field(description="active, retired (verify only), revoked")
    created_at: Timestamp
    expires_at: Timestamp


class Registry(Message):
    """The answer on `rpc.identity.registry`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.Registry"

    keys: tuple[RegisteredKey, ...] = Field(default=(), max_length=10000)


class ReadRegistry(Message):
    """Asks on `rpc.identity.registry`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.ReadRegistry"
    SUBJECT: ClassVar[str] = "rpc.identity.registry"
    REPLY: ClassVar[type[Registry]] = Registry


class AuditRow(Message):
    """One outbox row: the exact signed bytes."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.AuditRow"

    audit_no: Int64 = Field(description="Counts from 1 without gaps, per producer.")
    message_id: Id
    subject: Text
    body: Bytes
    key_id: Id
    signature: Bytes


class AppendedRows(Message):
    """The answer on `rpc.identity.append.{service}`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.AppendedRows"

    contiguous_to: Int64 = Field(
        description="The highest number up to which the log holds every row."
    )


class AppendRows(Message):
    """A service's relay hands its audited rows to the log."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.AppendRows"
    SUBJECT: ClassVar[str] = "rpc.identity.append.{service}"
    REPLY: ClassVar[type[AppendedRows]] = AppendedRows

    producer: Id = Field(description="Must be the service in the subject.")
    rows: tuple[AuditRow, ...] = Field(default=(), max_length=1000)


class KeyRotated(Message):
    """A component got a new signing key; older ones verify only."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.KeyRotated"
    SUBJECT: ClassVar[str] = "identity.key.rotated"

    component: Id
    key_id: Id
    previous_key_id: Text | None = None
    reason: Id = Field(description="first, expired, requested, revoked")
    expires_at: Timestamp


class CheckpointPublished(Message):
    """The log grew and its head was signed.

    Not itself in the log: it would never come to rest.
    """

    SCHEMA: ClassVar[str] = "grace.identity.v1.CheckpointPublished"
    SUBJECT: ClassVar[str] = "identity.checkpoint.published"

    size: Int64
    note: Annotated[LongText, Field(max_length=65536)] = Field(description="C2SP signed note.")


class Checkpoint(Message):
    """The answer on `rpc.identity.checkpoint`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.Checkpoint"

    origin: Text
    size: Int64
    root: Bytes
    note: Annotated[LongText, Field(max_length=65536)]
    verifier_key: Text = Field(description="C2SP verifier key: name+hash+key.")


class GetCheckpoint(Message):
    """Asks on `rpc.identity.checkpoint`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.GetCheckpoint"
    SUBJECT: ClassVar[str] = "rpc.identity.checkpoint"
    REPLY: ClassVar[type[Checkpoint]] = Checkpoint


class Proof(Message):
    """The answer on `rpc.identity.proof`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.Proof"

    index: Int64
    size: Int64
    leaf: Bytes = Field(description="libs/transparency leaf_bytes.")
    hashes: tuple[Bytes, ...] = Field(default=(), max_length=1000)
    checkpoint: Checkpoint


class GetProof(Message):
    """Asks on `rpc.identity.proof`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.GetProof"
    SUBJECT: ClassVar[str] = "rpc.identity.proof"
    REPLY: ClassVar[type[Proof]] = Proof

    index: Int64 | None = None
    message_id: Text | None = Field(
        default=None, description="The entry of this message, where no index is given."
    )
    size: Int64 | None = Field(
        default=None,
        description="The tree size to prove against; the newest checkpoint's where absent.",
    )


class Entry(Message):
    """Part of `Entries`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.Entry"

    index: Int64
    producer: Id
    subject: Text
    message_id: Id
    leaf_hash: Id
    at: Timestamp
    leaf: Bytes | None = Field(
        default=None,
        description="libs/transparency leaf_bytes, where it was asked for and may be shown.",
    )


class Entries(Message):
    """The answer on `rpc.identity.entries`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.Entries"

    entries: tuple[Entry, ...] = Field(default=(), max_length=1000)


class ListEntries(Message):
    """Asks on `rpc.identity.entries`."""

    SCHEMA: ClassVar[str] = "grace.identity.v1.ListEntries"
    SUBJECT: ClassVar[str] = "rpc.identity.entries"
    REPLY: ClassVar[type[Entries]] = Entries

    start: Int64
    limit: Annotated[UInt32, Field(ge=1)]
    leaves: Bool | None = Field(
        default=None, description="With their leaves: fewer entries fit an answer then."
    )
