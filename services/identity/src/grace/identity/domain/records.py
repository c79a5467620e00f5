"""What the log has to be told of keys: each of them, and its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from grace.identity.domain.keys import ComponentKey
from grace.transparency import (
    ENDED,
    KEEPER,
    REGISTERED,
    REVOKED,
    EndedKey,
    LoggedKey,
    key_body,
)

# Its place among the producers: identity's relay numbers identity's own messages.
PRODUCER = f"{KEEPER}.keys"
_REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A key of which the log lacks something; `is_new` in the transaction that makes it."""

    key: ComponentKey
    is_new: bool
    is_registered: bool
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """What an entry says."""

    key_id: str
    subject: str
    body: bytes


def records_of(due: Sequence[Unrecorded], signer: str) -> tuple[Record, ...]:
    """All keys before any end, and the one that signs these entries first: it introduces itself."""
    known = sorted(due, key=lambda each: each.key.key_id != signer)
    return (*_registrations(known), *_ends(known))


def _registrations(due: Sequence[Unrecorded]) -> Iterator[Record]:
    for each in due:
        if not each.is_registered:
            key = each.key
            logged = LoggedKey(
                key.key_id,
                key.component,
                key.public_key,
                valid_from=key.created_at,
                expires_at=key.expires_at,
                recorded_later=not each.is_new,
            )
            yield Record(key.key_id, REGISTERED, key_body(logged))


def _ends(due: Sequence[Unrecorded]) -> Iterator[Record]:
    for each in due:
        if each.key.status != "active":
            reason = REVOKED if each.key.status == REVOKED else _REPLACED
            ended = EndedKey(each.key.key_id, each.ended_at, reason)
            yield Record(each.key.key_id, ENDED, key_body(ended))
