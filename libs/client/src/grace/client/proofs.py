"""Checks the log's evidence on this machine. Needs `grace-client[verify]`.

Nothing that the gateway says is taken on trust but the log's key, and that only where none is
given: a key that was kept from earlier shows a log that was exchanged as a whole, too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from grace.client.errors import GraceClientError
from grace.contracts.identity import Checkpoint, Entry, Proof
from grace.contracts.subjects import SUBJECTS
from grace.transparency import (
    KEEPER,
    Frontier,
    Leaf,
    Signatures,
    is_signed_by,
    leaf_hash,
    parse_and_verify,
    parse_leaf,
    parse_verifier_key,
    unpinned,
    verify_inclusion,
)
from grace.transparency import Checkpoint as Head

Pinned = Mapping[str, tuple[str, bytes]]
"""By a key's id, whose it is and the key itself: what somebody keeps of a log."""
_HIDDEN = "-"


class NotProven(GraceClientError):
    """The log's evidence does not hold."""


@dataclass(frozen=True, slots=True)
class Proven:
    """A log entry that is in the log, and the head that it was proven against."""

    leaf: Leaf
    index: int
    head: Head


def check_head(checkpoint: Checkpoint, verifier_key: str) -> Head:
    """Return the signed head. NotProven where that key did not sign it."""
    try:
        key = parse_verifier_key(verifier_key)
        head = parse_and_verify(checkpoint.note, key.name, key.public_key)
    except ValueError as error:
        raise NotProven(f"the log's head is not signed by this key: {error}") from None
    if head.origin != key.name:
        raise NotProven(f"this key is of the log {key.name}, and the head of {head.origin}")
    return head


def check_proof(proof: Proof, verifier_key: str) -> Proven:
    """Return the entry that a proof proves. NotProven where it proves nothing."""
    head = check_head(proof.checkpoint, verifier_key)
    if not verify_inclusion(
        leaf_hash(proof.leaf), proof.index, size=head.size, proof=proof.hashes, root=head.root
    ):
        raise NotProven(f"entry {proof.index} is not in the log of {head.size} entries")
    try:
        return Proven(parse_leaf(proof.leaf), proof.index, head)
    except ValueError as error:
        raise NotProven(f"entry {proof.index} is no message: {error}") from None


def signatures_for(verifier_key: str | None = None, pinned: Pinned | None = None) -> Signatures:
    """Return what reads a log's leaves, trusting in those keys of identity that one has oneself."""
    trusted = {key for owner, key in (pinned or {}).values() if owner == KEEPER}
    if verifier_key is not None:
        trusted.add(parse_verifier_key(verifier_key).public_key.public_bytes_raw())
    return Signatures(frozenset(trusted), may_say)


def may_say(component: str, subject: str) -> bool:
    """Whether a service publishes there. What this version does not know, another one may."""
    spec = SUBJECTS.get(subject)
    return spec is None or component in spec.publishers


def check_signatures(signatures: Signatures, verifier_key: str, pinned: Pinned | None) -> None:
    """End the reading of a log. NotProven where a leaf, the head or a key is not as it should be."""
    signatures.close(parse_verifier_key(verifier_key).public_key)
    if signatures.complaints:
        raise NotProven("; ".join(signatures.complaints))
    if pinned is not None and (strange := unpinned(signatures.keys, pinned)):
        raise NotProven(
            f"the log has keys that your list has not, or otherwise: {', '.join(strange)}"
        )


def check_signature(leaf: Leaf, pinned: Pinned) -> None:
    """Check one leaf by somebody's own list of keys. NotProven where no key of it signed the leaf."""
    owner, key = pinned.get(leaf.key_id, ("", b""))
    if not is_signed_by(key, leaf):
        raise NotProven(
            f"message {leaf.message_id} is not signed by a key of your list: {leaf.key_id}"
        )
    if not may_say(owner, leaf.subject):
        raise NotProven(
            f"key {leaf.key_id} of {owner} signs {leaf.subject}, which is not {owner}'s"
        )


def check_entries(
    entries: Iterable[Entry], head: Head, kept: Head | None = None,
    signatures: Signatures | None = None,
) -> int:  # fmt: skip
    """Return how many entries make the root of the head. NotProven where they make another.

    `kept` is an older head of the same log: they must begin with what it stands for. Leaves are
    shown to `signatures`, which has not judged before the root was found to be right.
    """
    hashes = _hashes(entries, signatures or Signatures())
    try:
        begun = Frontier().extend(islice(hashes, kept.size if kept else 0))
        found = begun.extend(hashes)
    except ValueError as error:
        raise NotProven(f"an entry has no hash: {error}") from None
    if kept is not None:
        _check_kept(begun, kept, head)
    if found.size != head.size or found.root() != head.root:
        raise NotProven(f"{found.size} entries do not make the signed root of {head.size} entries")
    return found.size


def _check_kept(begun: Frontier, kept: Head, head: Head) -> None:
    if kept.origin != head.origin:
        raise NotProven(f"the kept head is of the log {kept.origin}, and not of {head.origin}")
    if head.size < kept.size:
        raise NotProven(f"the log had {kept.size} entries, and has {head.size}: it was cut off")
    if begun.root() != kept.root:
        raise NotProven(f"the first {kept.size} entries are other ones than the log had")


def _hashes(entries: Iterable[Entry], signatures: Signatures) -> Iterator[bytes]:
    for place, entry in enumerate(entries):
        if entry.index != place:
            raise NotProven(f"entry {place} is missing: {entry.index} stands in its place")
        if entry.leaf is None:
            signatures.hide(place)
            yield bytes.fromhex(entry.leaf_hash)
        else:
            signatures.show(place, _leaf_of(entry), _said(entry.producer))
            yield leaf_hash(entry.leaf)


def _leaf_of(entry: Entry) -> Leaf:
    """The leaf of an entry. NotProven where the entry calls it by other names than it has."""
    try:
        leaf = parse_leaf(entry.leaf or b"")
    except ValueError as error:
        raise NotProven(f"entry {entry.index} is no message: {error}") from None
    said, names = (entry.subject, entry.message_id), (leaf.subject, leaf.message_id)
    if any(_said(text) not in (None, name) for text, name in zip(said, names, strict=True)):
        raise NotProven(f"entry {entry.index} is {names}, and said to be {said}")
    return leaf


def _said(text: str) -> str | None:
    """A name as the gateway tells it; other tenants are told none."""
    return None if text == _HIDDEN else text
