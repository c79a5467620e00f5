"""The log's own entries about keys: which key is whose, and when it ended.

The body is compact JSON with sorted names; any other spelling of the same is refused. Identity
signs these entries, and nobody else.
"""

import json
from base64 import b64encode
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from .leaf import LeafError
from .note import NoteError, decode_base64

REGISTERED: Final = "identity.key.registered"
ENDED: Final = "identity.key.ended"
KEY_SUBJECTS: Final = frozenset({REGISTERED, ENDED})
KEEPER: Final = "identity"
"""Whose keys sign the entries about keys, and the log's head."""

REVOKED: Final = "revoked"
_KEY_BYTES: Final = 32
_NO_ENTRY: Final = "not an entry about a key"
_SIGN_BIT: Final = 0x7F
_P: Final = 2**255 - 19
# The y of every point whose order divides 8, with those spellings that are not below p: whoever has such a
# "key" needs no private half for a signature that holds. Source: libsodium, ge25519_has_small_order.
_ORDER_8: Final = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL: Final = frozenset({0, 1, _P - 1, _P, _P + 1, _ORDER_8, _P - _ORDER_8})


@dataclass(frozen=True, slots=True)
class LoggedKey:
    """A public key and whose it is; `recorded_later` where the log is younger than its first use."""

    key_id: str
    component: str
    public_key: bytes
    valid_from: datetime
    expires_at: datetime
    recorded_later: bool = False


@dataclass(frozen=True, slots=True)
class EndedKey:
    """A key that signs no more: another one took its place, or it was revoked."""

    key_id: str
    ended_at: datetime
    reason: str


T = TypeVar("T", LoggedKey, EndedKey)


def key_body(entry: LoggedKey | EndedKey) -> bytes:
    """Return the body of an entry about a key."""
    document = {name: _written(value) for name, value in asdict(entry).items()}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def parse_registered(body: bytes) -> LoggedKey:
    """Return the key that an entry registers; LeafError on anything else, weak keys included."""
    document = _document(body)
    later = document.get("recorded_later")
    if not isinstance(later, bool):
        raise LeafError(_NO_ENTRY)
    found = LoggedKey(
        _text(document, "key_id"),
        _text(document, "component"),
        _base64(_text(document, "public_key")),
        _time(document, "valid_from"),
        _time(document, "expires_at"),
        later,
    )
    if len(found.public_key) != _KEY_BYTES or has_small_order(found.public_key):
        raise LeafError(f"the key {found.key_id} is no Ed25519 key that proves anything")
    return _spelled(found, body)


def parse_ended(body: bytes) -> EndedKey:
    """Return the end that an entry tells of; LeafError on anything else."""
    document = _document(body)
    ended_at = _time(document, "ended_at")
    return _spelled(EndedKey(_text(document, "key_id"), ended_at, _text(document, "reason")), body)


def has_small_order(public_key: bytes) -> bool:
    """Whether signatures by this key prove nothing."""
    y = int.from_bytes(public_key[:-1] + bytes([public_key[-1] & _SIGN_BIT]), "little")
    return y in _SMALL


def _written(value: object) -> object:
    match value:
        case bytes():
            return b64encode(value).decode()
        case datetime():
            return value.astimezone(UTC).isoformat()
    return value


def _document(body: bytes) -> dict[str, object]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise LeafError(_NO_ENTRY) from None
    if not isinstance(document, dict):
        raise LeafError(_NO_ENTRY)
    return document


def _spelled(found: T, body: bytes) -> T:
    """What is written again must be the same bytes: a field more would be read by nobody."""
    if key_body(found) != body:
        raise LeafError("not the one spelling of an entry about a key")
    return found


def _text(document: dict[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise LeafError(_NO_ENTRY)
    return value


def _time(document: dict[str, object], name: str) -> datetime:
    try:
        return datetime.fromisoformat(_text(document, name)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise LeafError(_NO_ENTRY) from None


def _base64(text: str) -> bytes:
    try:
        return decode_base64(text)
    except NoteError as error:
        raise LeafError(str(error)) from None
