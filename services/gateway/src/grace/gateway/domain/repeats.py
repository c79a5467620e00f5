"""Repeated requests: what an Idempotency-Key may be, and what a second request with it gets."""

import re
from dataclasses import dataclass
from enum import StrEnum

# A quoted string of structured fields, as the draft writes it, or the same without quotes.
_KEY = re.compile(r'"([!#-\[\]-~]{1,255})"|([!#-~]{1,255})')


class Repeat(StrEnum):
    """What becomes of a request whose Idempotency-Key is taken."""

    REPLAY = "replay"
    IN_HAND = "in_hand"
    OTHER_REQUEST = "other_request"


@dataclass(frozen=True, slots=True)
class Slot:
    """Where an answer is kept: a key counts for one API key and one route only."""

    tenant_id: str
    key_id: str
    route: str
    key: str


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What is kept in a slot; without a status the request is still in hand."""

    request_hash: bytes
    status: int | None = None
    body: bytes | None = None


def idempotency_key(given: str) -> str | None:
    """Return the key in a header's value; None where it is none."""
    found = _KEY.fullmatch(given)
    return (found[1] or found[2]) if found else None


def on_taken(kept: KeptAnswer | None, request_hash: bytes) -> Repeat:
    """Judge a request whose slot is taken; what has just been given back is in hand for now."""
    if kept is None:
        return Repeat.IN_HAND
    if kept.request_hash != request_hash:
        return Repeat.OTHER_REQUEST
    return Repeat.IN_HAND if kept.status is None else Repeat.REPLAY


def is_begun(status: int) -> bool:
    """Whether something may have been done behind an answer: a failure says nothing about it."""
    return status >= 500  # noqa: PLR2004 - HTTP's own


def is_kept(status: int) -> bool:
    """Whether an answer binds a key: neither a failure, nor "not now", nor a request that is none.

    What is not as it must be was never begun: put right, it may have the same key.
    """
    return status < 500 and status not in {400, 408, 415, 422, 428, 429}  # noqa: PLR2004 - HTTP's own
