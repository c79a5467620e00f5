"""The envelope of a message: NATS headers, signed over subject, id and the exact bytes."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Generic, TypeVar
from uuid import UUID

from grace.contracts.message import MAX_BYTES, ContractError, Message
from grace.contracts.registry import model_of
from grace.contracts.subject import Subject
from grace.kit.errors import TooLarge
from grace.kit.ids import derived_id, issued_at
from grace.kit.keys import Keys
from grace.kit.text import harmless
from grace.transparency import MESSAGE_KIND

M = TypeVar("M", bound=Message)

MESSAGE_ID = "Nats-Msg-Id"
SCHEMA = "Grace-Schema"
TENANT = "Grace-Tenant"
KEY_ID = "Grace-Key-Id"
SIGNATURE = "Grace-Signature"
CORRELATION = "correlation-id"
TRACEPARENT = "traceparent"

# NATS counts headers and body together.
MOST_BYTES = MAX_BYTES - 8 * 1024
_AHEAD = timedelta(minutes=5)
OLDEST = timedelta(days=7)
_LONGEST_HEADER = 256
_TENANT = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(frozen=True, slots=True)
class Received(Generic[M]):
    """A message that passed the door: its schema holds, its signature and publisher are allowed."""

    body: M
    id: UUID
    subject: str
    issued_at: datetime
    publisher: str | None
    key_id: str | None
    tenant: str
    correlation_id: str
    traceparent: str | None
    delivered: int = 1
    raw: bytes = b""
    signature: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal(Exception):
    """Why a message is not handled; `reason` is one word of a closed list."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Raw:
    """What arrived: subject, bytes, headers, and where the stream keeps it (empty for requests).

    `identity` names what came in another form, whatever its id was.
    """

    subject: str
    data: bytes
    headers: Mapping[str, str]
    place: str
    at: datetime
    delivered: int = 1
    identity: str = ""


def body_of(message: Message, *, most: int = MOST_BYTES) -> bytes:
    """The bytes of an outgoing message. TooLarge for what would never arrive."""
    try:
        data = message.to_bytes()
    except ContractError as error:
        raise TooLarge(str(error)) from None
    if len(data) > most:
        raise TooLarge(f"{message.SCHEMA}: {len(data)} bytes, more than {most}")
    return data


def headers_of(
    keys: Keys | None, message: Message, *, subject: str, identity: UUID, data: bytes,
    tenant: str = "default", correlation_id: str = "", traceparent: str | None = None,
) -> dict[str, str]:  # fmt: skip
    """The headers of an outgoing message; unsigned without keys."""
    headers = {
        MESSAGE_ID: str(identity),
        SCHEMA: message.SCHEMA,
        TENANT: tenant,
        CORRELATION: correlation_id or str(identity),
    }
    if traceparent:
        headers[TRACEPARENT] = traceparent
    if keys is not None and keys.loaded:
        headers |= signature_headers(keys.key_id, sign(keys, subject, identity, data))
    return headers


def sign(keys: Keys, subject: str, identity: UUID, data: bytes) -> bytes:
    """The signature over subject, id and bytes."""
    return keys.sign(MESSAGE_KIND, subject.encode(), str(identity).encode(), data)


def signature_headers(key_id: str, signature: bytes) -> dict[str, str]:
    """The two headers that carry a signature."""
    return {KEY_ID: key_id, SIGNATURE: base64.b64encode(signature).decode()}


def open_message(raw: Raw, spec: Subject, keys: Keys) -> Received[Any]:
    """Check everything that can be checked without a database. Refusal says what is wrong."""
    signed = raw.headers.get(SIGNATURE) is not None
    if not signed and not spec.unsigned_allowed:
        raise Refusal("unsigned", f"{spec.name} must be signed")
    identity, issued = _identity(raw, signed=signed)
    publisher = _publisher(raw, spec, keys, identity) if signed else None
    return Received(
        body=_body(raw, spec, signed=signed),
        id=identity,
        subject=raw.subject,
        issued_at=issued,
        publisher=publisher,
        key_id=raw.headers.get(KEY_ID) if signed else None,
        tenant=_tenant(raw) if signed else "default",
        correlation_id=_header(raw, CORRELATION) or str(identity),
        traceparent=raw.headers.get(TRACEPARENT),
        delivered=raw.delivered,
        raw=raw.data,
        signature=_decode(raw.headers.get(SIGNATURE, "")) if signed else b"",
        headers=raw.headers,
    )


def _header(raw: Raw, name: str) -> str:
    return harmless(raw.headers.get(name, ""), _LONGEST_HEADER)


def _tenant(raw: Raw) -> str:
    tenant = raw.headers.get(TENANT, "default")
    if _TENANT.fullmatch(tenant) is None:
        raise Refusal("schema", f"{TENANT} is not an identifier")
    return tenant


def _identity(raw: Raw, *, signed: bool) -> tuple[UUID, datetime]:
    """A signed message's own id; an unsigned one gets an id that nobody can choose."""
    if not signed:
        return derived_id(raw.subject, raw.identity or _given(raw), "unsigned"), raw.at
    identity = _uuid(raw.headers.get(MESSAGE_ID, ""))
    issued = issued_at(identity) if identity else None
    if identity is None or issued is None:
        raise Refusal("bad_id", "Nats-Msg-Id must be a UUIDv7")
    now = datetime.now(UTC)
    # When it arrived is the server's word: a reader whose clock is slow, as behind a pause of its machine,
    # would refuse for good what everybody sends.
    if issued > max(now, raw.at) + _AHEAD:
        raise Refusal("issued_in_future", f"issued at {issued.isoformat()}")
    if issued < now - OLDEST:
        raise Refusal("too_old", f"issued at {issued.isoformat()}")
    return identity, issued


def _given(raw: Raw) -> str:
    """An id that is used again for other bytes is another message: nobody would answer it else."""
    given = _header(raw, MESSAGE_ID)
    return f"{given}\x1f{sha256(raw.data).hexdigest()}" if given else raw.place


def _uuid(text: str) -> UUID | None:
    """Only the one usual spelling: in another one a stream would take the same id for a new one."""
    try:
        identity = UUID(text)
    except ValueError:
        return None
    return identity if str(identity) == text else None


def _publisher(raw: Raw, spec: Subject, keys: Keys, identity: UUID) -> str:
    key_id = raw.headers.get(KEY_ID, "")
    component = keys.component_of(key_id)
    if component is None:
        raise Refusal("foreign_key", "the key is not registered")
    if component not in spec.publishers:
        raise Refusal("foreign_key", f"{component} does not publish {spec.name}")
    signature = _decode(raw.headers[SIGNATURE])
    parts = (raw.subject.encode(), str(identity).encode(), raw.data)
    if not keys.verify(key_id, signature, MESSAGE_KIND, *parts):
        raise Refusal("bad_signature", "the signature does not fit subject, id and bytes")
    return component


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Refusal("bad_signature", "the signature is not base64") from None


def _body(raw: Raw, spec: Subject, *, signed: bool) -> Message:
    schema = raw.headers.get(SCHEMA) or spec.schemas[0]
    if schema not in spec.schemas:
        raise Refusal("schema", f"{_header(raw, SCHEMA)} does not travel on {spec.name}")
    if len(raw.data) > MAX_BYTES:
        raise Refusal("too_large", f"{len(raw.data)} bytes, more than {MAX_BYTES}")
    model = model_of(schema)
    try:
        return model.from_bytes(raw.data) if signed else model.from_untrusted_bytes(raw.data)
    except ContractError as error:
        raise Refusal("schema" if _is_json(raw.data) else "not_json", str(error)) from None


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True
