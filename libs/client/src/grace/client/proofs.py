"""Checks the log's evidence on this machine. Needs `grace-client[verify]`.

Nothing that the gateway says is taken on trust but the log's key, and that only where none is
given: a key that was kept from earlier shows a log that was exchanged as a whole, too.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from grace.client.errors import GraceClientError
from grace.contracts.identity import Checkpoint, Entry, Proof
from grace.transparency import Checkpoint as Head
from grace.transparency import (
    Frontier,
    Leaf,
    leaf_hash,
    parse_and_verify,
    parse_leaf,
    parse_verifier_key,
    verify_inclusion,
)


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


def check_entries(entries: Iterable[Entry], head: Head, kept: Head | None = None) -> int:
    """Return how many entries make the root of the head. NotProven where they make another.

    `kept` is an older head of the same log: they must begin with what it stands for.
    """
    hashes = _hashes(entries)
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


def _hashes(entries: Iterable[Entry]) -> Iterator[bytes]:
    for place, entry in enumerate(entries):
        if entry.index != place:
            raise NotProven(f"entry {place} is missing: {entry.index} stands in its place")
        yield bytes.fromhex(entry.leaf_hash)
