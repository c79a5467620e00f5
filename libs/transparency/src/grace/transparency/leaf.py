"""The bytes of a log leaf: everything a message's signature covers, and the signature.

Parts are joined by DSSE's pre-authentication encoding, widened to any number of parts:

    "DSSEv1" SP LEN(kind) SP kind ( SP LEN(part) SP part )*

with SP one 0x20 and LEN the length in bytes, ASCII decimal without leading zeros; `kind` is
UTF-8. Lengths make it unambiguous: no two lists of parts have the same bytes. With one part it
is byte for byte the PAE of DSSE v1 (github.com/secure-systems-lab/dsse/blob/master/protocol.md).
"""

import re
from dataclasses import dataclass, fields

LEAF_KIND = "grace/leaf/v1"
MESSAGE_KIND = "grace/message/v1"
"""What a message's signature is over: `pae(MESSAGE_KIND, subject, message id, body)`."""

_PREFIX = b"DSSEv1"
_LENGTH = re.compile(rb" (0|[1-9][0-9]{0,18}) ")


class LeafError(ValueError):
    """The bytes are not the one encoding of their parts."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One audited message: where it went, its id, its exact bytes, who signed it and how."""

    subject: str
    message_id: str
    body: bytes
    key_id: str
    signature: bytes


def pae(kind: str, *parts: bytes) -> bytes:
    """Join `kind` and `parts` unambiguously, for signing or hashing.

    LeafError if `kind` has no UTF-8 (a lone surrogate).
    """
    encoded = (_encode(kind), *parts)
    return _PREFIX + b"".join(b" %d %b" % (len(field), field) for field in encoded)


def parse_pae(data: bytes) -> tuple[str, tuple[bytes, ...]]:
    """Return the kind and parts that `pae` joined; LeafError on any other bytes."""
    if not data.startswith(_PREFIX):
        raise LeafError("not a pre-authentication encoding")
    found, position = list[bytes](), len(_PREFIX)
    while position < len(data):
        field, position = _read_field(data, position)
        found.append(field)
    if not found:
        raise LeafError("the kind is missing")
    return _decode(found[0]), tuple(found[1:])


def leaf_bytes(
    subject: str, message_id: str, *, body: bytes, key_id: str, signature: bytes
) -> bytes:
    """Return the leaf of one signed message: `pae("grace/leaf/v1", ...)` of the five parts.

    LeafError if a text has no UTF-8.
    """
    names = _encode(subject), _encode(message_id)
    return pae(LEAF_KIND, *names, body, _encode(key_id), signature)


def parse_leaf(data: bytes) -> Leaf:
    """Return the message that `leaf_bytes` wrote; LeafError on anything else."""
    kind, parts = parse_pae(data)
    if kind != LEAF_KIND or len(parts) != len(fields(Leaf)):
        raise LeafError(f"not a leaf: {kind!r} with {len(parts)} parts")
    subject, message_id, body, key_id, signature = parts
    return Leaf(_decode(subject), _decode(message_id), body, _decode(key_id), signature)


def _read_field(data: bytes, position: int) -> tuple[bytes, int]:
    """Return the field whose length stands at `position`, and the position behind it."""
    match = _LENGTH.match(data, position)
    if match is None:
        raise LeafError(f"no length at byte {position}")
    end = match.end() + int(match[1])
    if end > len(data):
        raise LeafError(f"the field at byte {position} is cut off")
    return data[match.end() : end], end


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise LeafError(f"not UTF-8: {text!r}") from None


def _decode(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise LeafError(f"not UTF-8: {data!r}") from None
