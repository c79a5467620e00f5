"""How rows enter the log: without gaps for each producer, in one order for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grace.transparency import Frontier, Subtree, leaf_bytes, leaf_hash


@dataclass(frozen=True, slots=True)
class Row:
    """One signed message as its producer's outbox kept it."""

    audit_no: int
    message_id: str
    subject: str
    body: bytes
    key_id: str
    signature: bytes

    def leaf(self) -> bytes:
        """The bytes of its leaf."""
        return leaf_bytes(
            self.subject,
            self.message_id,
            body=self.body,
            key_id=self.key_id,
            signature=self.signature,
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """What the log becomes."""

    frontier: Frontier
    hashes: tuple[bytes, ...]
    subtrees: tuple[Subtree, ...]


def next_rows(rows: Sequence[Row], contiguous: int) -> tuple[Row, ...]:
    """The rows that follow without a gap; those before are in the log, those behind a gap wait."""
    accepted: list[Row] = []
    for row in sorted(rows, key=lambda each: each.audit_no):
        if row.audit_no == contiguous + len(accepted) + 1:
            accepted.append(row)
    return tuple(accepted)


def has_gap(rows: Sequence[Row], contiguous: int) -> bool:
    """Whether a producer has numbers that the log cannot connect to what it holds."""
    return any(row.audit_no > contiguous for row in rows) and not next_rows(rows, contiguous)


def contradicts(rows: Sequence[Row], held: Mapping[int, str]) -> int | None:
    """The first number under which the log holds another message than its producer now says.

    The producer's database is an older copy, or it rewrites its history.
    """
    strange = [
        row.audit_no for row in rows if held.get(row.audit_no, row.message_id) != row.message_id
    ]
    return min(strange, default=None)


def grow(frontier: Frontier, rows: Sequence[Row]) -> Growth:
    """Append rows to the tree."""
    hashes = tuple(leaf_hash(row.leaf()) for row in rows)
    grown, subtrees = frontier.grow(hashes)
    return Growth(grown, hashes, tuple(subtrees))
