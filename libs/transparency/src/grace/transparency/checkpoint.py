"""C2SP checkpoints: a log's signed promise of its size and root.

    <origin>
    <size in decimal>
    <base64 of the root>

carried by a signed note. Source: c2sp.org/tlog-checkpoint. Extension lines are refused: our
logs write none, and nobody could audit what they say.
"""

import re
from base64 import b64encode
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .note import NoteError, decode_base64, open_note, sign_note
from .tree import EMPTY_ROOT, HASH_SIZE

MAX_SIZE = 2**63 - 1  # a Postgres bigint; other implementations stop here too

_BODY = re.compile(r"(?P<origin>[^\n]+)\n(?P<size>0|[1-9][0-9]{0,18})\n(?P<root>[A-Za-z0-9+/=]+)\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: whose log (`origin`), how many leaves (`size`), and its 32-byte `root`.

    NoteError if the origin is empty or has a control character, the size is outside
    0 .. 2^63 - 1, the root is no hash, or an empty tree has another root than SHA-256("").
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        if not self.origin.isprintable() or not self.origin:
            raise NoteError(f"not an origin: {self.origin!r}")
        if not 0 <= self.size <= MAX_SIZE:
            raise NoteError(f"no log has {self.size} leaves")
        if len(self.root) != HASH_SIZE or (self.size == 0 and self.root != EMPTY_ROOT):
            raise NoteError("the root is no hash of a tree of this size")

    def body(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def sign(checkpoint: Checkpoint, name: str, private_key: Ed25519PrivateKey) -> str:
    """Return the checkpoint as a note signed under the key name `name` (usually the origin)."""
    return sign_note(checkpoint.body(), name, private_key)


def parse_and_verify(text: str, name: str, public_key: Ed25519PublicKey) -> Checkpoint:
    """Return the checkpoint that the key `name` signed in `text`; NoteError on anything else.

    A key may sign for several logs: the caller compares `origin` with the log it asked about.
    """
    return _parse_body(open_note(text, name, public_key))


def _parse_body(body: str) -> Checkpoint:
    match = _BODY.fullmatch(body)
    if match is None:
        raise NoteError("a checkpoint is three lines: origin, size, root")
    return Checkpoint(match["origin"], int(match["size"]), decode_base64(match["root"]))
