"""Whether every leaf was signed by a key that the log itself introduced, and whose it is.

Leaves are shown in the log's order. What cannot be checked is counted as that, never as checked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .keys import (
    ENDED,
    KEEPER,
    KEY_SUBJECTS,
    REGISTERED,
    REVOKED,
    EndedKey,
    LoggedKey,
    has_small_order,
    parse_ended,
    parse_registered,
)
from .leaf import MESSAGE_KIND, Leaf, LeafError, pae

# A key that another one replaces has signed what still waits in outboxes, and a replica of its owner that
# could not ask meanwhile goes on with it.
REPLACED_FOR = timedelta(days=1)
_MOST_COMPLAINTS = 20
_V7 = 7
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MaySay = Callable[[str, str], bool]
"""`(component, subject)` -> whether that component publishes there, as far as the reader knows."""


@dataclass(slots=True)
class Range:
    """How many entries, and between which."""

    count: int = 0
    first: int = 0
    last: int = 0

    def add(self, index: int) -> None:
        """Count one more."""
        self.first = index if self.count == 0 else min(self.first, index)
        self.last = max(self.last, index)
        self.count += 1

    def merge(self, other: "Range") -> None:
        """Count those of another range, too."""
        self.first = other.first if self.count == 0 else min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.count += other.count


@dataclass(frozen=True, slots=True)
class KnownKey:
    """A key as the log tells of it."""

    index: int
    logged: LoggedKey
    public: Ed25519PublicKey
    ended: EndedKey | None = None


@dataclass(slots=True)
class Signatures:
    """Reads a log's leaves in order. `pinned` are public keys of identity that the reader trusts."""

    pinned: frozenset[bytes] = frozenset()
    may_say: MaySay = field(default=lambda _component, _subject: True)
    checked: int = 0
    late: int = 0
    hidden: Range = field(default_factory=Range)
    unrecorded: Range = field(default_factory=Range)
    keys: dict[str, KnownKey] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    _strangers: dict[str, Range] = field(default_factory=dict)

    @property
    def not_checkable(self) -> int:
        """Leaves of which nothing is known: hidden, or older than the log's knowledge of keys."""
        return self.hidden.count + self.unrecorded.count

    def hide(self, index: int) -> None:
        """Count a leaf that was not shown."""
        self.hidden.add(index)

    def show(self, index: int, leaf: Leaf, producer: str | None = None) -> None:
        """Check a leaf; `producer` is whose it is said to be, None where nobody says it."""
        known = self._signer(leaf) if leaf.subject == REGISTERED else self.keys.get(leaf.key_id)
        if known is None:
            self._strangers.setdefault(leaf.key_id, Range()).add(index)
            return
        trouble = self._trouble(known, leaf, producer)
        if trouble is None and leaf.subject in KEY_SUBJECTS:
            trouble = self._learn(index, leaf)
        if trouble is not None:
            self._complain(index, leaf, trouble)
            return
        self.checked += 1

    def close(self, head: Ed25519PublicKey) -> None:
        """The log has ended: a key that it never introduced is told, and who signed its head."""
        for key_id, leaves in self._strangers.items():
            if self.keys:
                text = f"the log introduces no key {key_id}, and {leaves.count} are signed by it"
                self._tell(f"entry {leaves.first}: {text}")
            else:
                self.unrecorded.merge(leaves)
        self._strangers.clear()
        if self.keys and not self._is_keepers(head.public_bytes_raw()):
            self._tell(f"the log's head is signed by no key that the log knows as {KEEPER}'s")

    def _signer(self, leaf: Leaf) -> KnownKey | None:
        """Who signs an entry about a new key: a key that is known, or the log's first one itself."""
        known = self.keys.get(leaf.key_id)
        try:
            logged = parse_registered(leaf.body)
        except LeafError:
            return known
        is_own = logged.key_id == leaf.key_id and logged.component == KEEPER
        if known is not None or not is_own:
            return known
        if self._has_keeper() and logged.public_key not in self.pinned:
            return None
        return _known(0, logged)

    def _has_keeper(self) -> bool:
        return any(each.logged.component == KEEPER for each in self.keys.values())

    def _trouble(self, known: KnownKey, leaf: Leaf, producer: str | None) -> str | None:
        """What is wrong with who signed a leaf; None where all is well."""
        owner = known.logged.component
        if not _holds(known.public, leaf):
            return f"the signature is none of key {leaf.key_id} of {owner}"
        if leaf.subject in KEY_SUBJECTS and owner != KEEPER:
            return f"key {leaf.key_id} of {owner} signs an entry about keys"
        if producer is not None and producer not in _names_of(owner, leaf):
            return f"it is said to be {producer}'s, and key {leaf.key_id} is {owner}'s"
        if not self.may_say(owner, leaf.subject):
            return f"key {leaf.key_id} of {owner} signs {leaf.subject}, which is not {owner}'s"
        return self._after_its_end(known, leaf)

    def _after_its_end(self, known: KnownKey, leaf: Leaf) -> str | None:
        ended = known.ended
        if ended is None:
            return None
        made = made_at(leaf.message_id)
        is_after = made is None or made > ended.ended_at + REPLACED_FOR
        # What identity says about keys goes into the log at once, and waits in no outbox.
        if is_after or ended.reason == REVOKED or leaf.subject in KEY_SUBJECTS:
            return f"key {leaf.key_id} of {known.logged.component} had ended ({ended.reason})"
        self.late += 1
        return None

    def _learn(self, index: int, leaf: Leaf) -> str | None:
        """Take in what an entry says about a key; returns what is wrong with it."""
        try:
            if leaf.subject == ENDED:
                return self._end(parse_ended(leaf.body))
            return self._introduce(index, parse_registered(leaf.body))
        except LeafError as error:
            return str(error)

    def _introduce(self, index: int, logged: LoggedKey) -> str | None:
        if logged.key_id in self.keys:
            return f"key {logged.key_id} is introduced a second time"
        before = self._strangers.pop(logged.key_id, None)
        self.keys[logged.key_id] = _known(index, logged)
        if before is None:
            return None
        if logged.recorded_later:
            self.unrecorded.merge(before)
            return None
        return f"key {logged.key_id} is new, and {before.count} before it are signed by it, from {before.first}"

    def _end(self, ended: EndedKey) -> str | None:
        known = self.keys.get(ended.key_id)
        if known is None or known.ended is not None:
            return f"there is no key {ended.key_id} that could end"
        self.keys[ended.key_id] = KnownKey(known.index, known.logged, known.public, ended)
        return None

    def _is_keepers(self, public_key: bytes) -> bool:
        return any(
            each.logged.component == KEEPER
            and each.ended is None
            and each.logged.public_key == public_key
            for each in self.keys.values()
        )

    def _complain(self, index: int, leaf: Leaf, trouble: str) -> None:
        self._tell(f"entry {index} ({leaf.subject} {leaf.message_id}): {trouble}")

    def _tell(self, text: str) -> None:
        if len(self.complaints) == _MOST_COMPLAINTS:
            self.complaints.append("and more")
        elif len(self.complaints) < _MOST_COMPLAINTS:
            self.complaints.append(text)


def unpinned(
    keys: Mapping[str, KnownKey], pinned: Mapping[str, tuple[str, bytes]]
) -> Sequence[str]:
    """Return the ids of keys in the log that somebody's own list has not, or has otherwise."""
    return sorted(
        key_id
        for key_id, each in keys.items()
        if pinned.get(key_id) != (each.logged.component, each.logged.public_key)
    )


def made_at(message_id: str) -> datetime | None:
    """When a message was made, as its id says (UUIDv7); None for any other id."""
    try:
        identity = UUID(message_id)
    except ValueError:
        return None
    return _EPOCH + timedelta(milliseconds=identity.int >> 80) if identity.version == _V7 else None


def is_signed_by(public_key: bytes, leaf: Leaf) -> bool:
    """Whether a key (32 bytes) signed this leaf; never for one of small order."""
    if len(public_key) != 32 or has_small_order(public_key):  # noqa: PLR2004 - Ed25519
        return False
    return _holds(Ed25519PublicKey.from_public_bytes(public_key), leaf)


def _known(index: int, logged: LoggedKey) -> KnownKey:
    return KnownKey(index, logged, Ed25519PublicKey.from_public_bytes(logged.public_key))


def _names_of(owner: str, leaf: Leaf) -> tuple[str, ...]:
    """What a producer is called: identity keeps its entries about keys apart from its messages."""
    return (f"{KEEPER}.keys",) if leaf.subject in KEY_SUBJECTS else (owner,)


def _holds(public: Ed25519PublicKey, leaf: Leaf) -> bool:
    parts = (leaf.subject.encode(), leaf.message_id.encode(), leaf.body)
    try:
        public.verify(leaf.signature, pae(MESSAGE_KIND, *parts))
    except InvalidSignature:
        return False
    return True
