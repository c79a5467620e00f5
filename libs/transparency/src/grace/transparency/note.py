"""C2SP signed notes with Ed25519: a text, a blank line, and one line per signature.

    the text, ending in a newline

    — <key name> <base64(4-byte key hash || signature)>

Source: c2sp.org/signed-note. Reading is strict, so that one signed text has one spelling.
"""

import re
from base64 import b64decode, b64encode
from hashlib import sha256
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519 = b"\x01"
KEY_HASH_SIZE = 4
MAX_NOTE_SIZE = 1_000_000  # characters; the limit of Go's sumdb/note, far above 16 cosignatures

_SIGNATURE_LINE = re.compile(r"— (?P<name>[^\s+]+) (?P<value>[A-Za-z0-9+/=]+)")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")


class NoteError(ValueError):
    """The text is no note that this key has signed."""


class VerifierKey(NamedTuple):
    """Who is trusted: a key name and its Ed25519 public key."""

    name: str
    public_key: Ed25519PublicKey


class _Signature(NamedTuple):
    name: str
    key_hash: bytes
    value: bytes


def key_hash(name: str, public_key: Ed25519PublicKey) -> bytes:
    """Return the 4-byte key id: SHA-256(name || 0x0A || 0x01 || public key), first four bytes.

    NoteError if the name is empty or holds a space, a plus or a control character.
    """
    if not re.fullmatch(r"[^\s+]+", name) or _FORBIDDEN.search(name):
        raise NoteError(f"not a key name: {name!r}")
    encoded = ED25519 + public_key.public_bytes_raw()
    return sha256(name.encode() + b"\n" + encoded).digest()[:KEY_HASH_SIZE]


def encode_verifier_key(name: str, public_key: Ed25519PublicKey) -> str:
    """Write a public key as `name+hex(key hash)+base64(0x01 || public key)`."""
    encoded = b64encode(ED25519 + public_key.public_bytes_raw()).decode()
    return f"{name}+{key_hash(name, public_key).hex()}+{encoded}"


def parse_verifier_key(text: str) -> VerifierKey:
    """Read what `encode_verifier_key` writes; NoteError on any other spelling or algorithm."""
    name, _, rest = text.partition("+")
    encoded = decode_base64(rest.partition("+")[2])
    if len(encoded) != 1 + 32:
        raise NoteError("not an Ed25519 verifier key")
    key = VerifierKey(name, Ed25519PublicKey.from_public_bytes(encoded[1:]))
    if encode_verifier_key(*key) != text:
        raise NoteError("not the one spelling of this name and Ed25519 key")
    return key


def sign_note(text: str, name: str, private_key: Ed25519PrivateKey) -> str:
    """Return `text` (ending in a newline) as a note signed under `name`.

    NoteError if the text has no final newline or holds a control character.
    """
    if not text.endswith("\n") or _FORBIDDEN.search(text):
        raise NoteError("a note's text ends in a newline and has no other control character")
    keyed = key_hash(name, private_key.public_key()) + private_key.sign(text.encode())
    return f"{text}\n— {name} {b64encode(keyed).decode()}\n"


def open_note(note: str, name: str, public_key: Ed25519PublicKey) -> str:
    """Return the signed text of a note, once this key's signature over it was verified.

    Signatures of other keys (witnesses, a rotated key) are ignored, as the format demands.
    NoteError if the note is malformed, not signed by this key, or any line under this key's
    name and hash does not verify.
    """
    text, signatures = _parse(note)
    mine = (name, key_hash(name, public_key))
    found = [item.value for item in signatures if item[:2] == mine]
    if not found:
        raise NoteError(f"no signature by {name}")
    for value in found:
        _verify(public_key, value, text)
    return text


def _verify(public_key: Ed25519PublicKey, signature: bytes, text: str) -> None:
    try:
        public_key.verify(signature, text.encode())
    except InvalidSignature:
        raise NoteError("the signature does not match the text") from None


def _parse(note: str) -> tuple[str, list[_Signature]]:
    # The last blank line separates: the text itself may hold blank lines.
    text, blank, tail = note.rpartition("\n\n")
    if len(note) > MAX_NOTE_SIZE or _FORBIDDEN.search(note):
        raise NoteError("a note is short and has no control character but newline")
    if not blank or not tail.endswith("\n"):
        raise NoteError("a note is text, a blank line, and lines of signatures")
    return text + "\n", [_parse_signature(line) for line in tail[:-1].split("\n")]


def _parse_signature(line: str) -> _Signature:
    match = _SIGNATURE_LINE.fullmatch(line)
    if match is None:
        raise NoteError(f"not a signature line: {line!r}")
    value = decode_base64(match["value"])
    if len(value) <= KEY_HASH_SIZE:
        raise NoteError("a signature is longer than its key hash")
    return _Signature(match["name"], value[:KEY_HASH_SIZE], value[KEY_HASH_SIZE:])


def decode_base64(text: str) -> bytes:
    """Decode the one canonical spelling: base64 also admits stray bits before the padding."""
    try:
        value = b64decode(text)
    except ValueError:
        raise NoteError("not base64") from None
    if b64encode(value).decode() != text:
        raise NoteError("not canonical base64")
    return value
