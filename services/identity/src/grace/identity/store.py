"""Every statement of identity as a typed function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from grace.identity.domain.keys import ComponentKey
from grace.identity.domain.log import Growth, Row
from grace.identity.domain.records import Unrecorded
from grace.identity.domain.vault import Record
from grace.kit import PublicKey, Queries, Transaction
from grace.kit import Record as SqlRecord
from grace.transparency import Frontier

QUERIES = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Announcement:
    """A key that others must be told of."""

    key_id: str
    component: str
    reason: str
    previous: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry of the log with its place."""

    index: int
    producer: str
    row: Row


@dataclass(frozen=True, slots=True)
class Head:
    """A signed head of the log."""

    size: int
    root: bytes
    note: str


class Store:
    """Identity's tables, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock_component(self, component: str) -> None:
        """Let no other replica make a key for it meanwhile."""
        await self._tx.fetchval(QUERIES["lock_component"], component=component)

    async def active_key(self, component: str) -> ComponentKey | None:
        """The key that a component signs with."""
        row = await self._tx.fetchrow(QUERIES["active_key"], component=component)
        return _key(row) if row else None

    async def insert_key(
        self, *, key_id: str, component: str, public_key: bytes, record: Record,
        reason: str, previous: str | None, lifetime: timedelta,
    ) -> ComponentKey:  # fmt: skip
        """Retire the previous key and register a new one with its private half."""
        if previous is not None:
            await self._tx.execute(QUERIES["retire_key"], key_id=previous)
        row = await self._tx.fetchrow(
            QUERIES["insert_identity"],
            key_id=key_id,
            component=component,
            public_key=public_key,
            reason=reason,
            previous=previous,
            lifetime=lifetime,
        )
        await self._tx.execute(
            QUERIES["insert_private_key"],
            key_id=key_id,
            component=component,
            suite=record.suite,
            wrapped_key=record.wrapped_key,
            ciphertext=record.ciphertext,
        )
        assert row is not None  # noqa: S101 - an INSERT .. RETURNING returns its row
        return _key(row)

    async def private_key(self, key_id: str) -> Record | None:
        """The encrypted private half of a key."""
        row = await self._tx.fetchrow(QUERIES["private_key"], key_id=key_id)
        return Record(row["suite"], row["wrapped_key"], row["ciphertext"]) if row else None

    async def newest_private_key(self) -> tuple[str, str, Record] | None:
        """Id, component and encrypted private half of the key made last."""
        row = await self._tx.fetchrow(QUERIES["newest_private_key"])
        if row is None:
            return None
        record = Record(row["suite"], row["wrapped_key"], row["ciphertext"])
        return row["key_id"], row["component"], record

    async def registry(self) -> list[ComponentKey]:
        """Every public key, oldest first."""
        return [_key(row) for row in await self._tx.fetch(QUERIES["registry"])]

    async def public_keys(self, key_ids: Sequence[str]) -> dict[str, PublicKey]:
        """Public keys by id, whatever their status: what they signed stays signed."""
        rows = await self._tx.fetch(QUERIES["public_keys"], key_ids=list(key_ids))
        return {
            r["key_id"]: PublicKey(r["key_id"], r["component"], r["public_key"], "") for r in rows
        }

    async def unrecorded_keys(self) -> list[Unrecorded]:
        """Keys of which the log lacks something, oldest first; the caller holds the log."""
        rows = await self._tx.fetch(QUERIES["unrecorded_keys"])
        return [
            Unrecorded(_key(row), row["is_new"], row["is_registered"], row["ended_at"])
            for row in rows
        ]

    async def has_unrecorded_keys(self) -> bool:
        """Whether the log lacks anything of a key."""
        return bool(await self._tx.fetchval(QUERIES["has_unrecorded_keys"]))

    async def mark_recorded(self, key_ids: Sequence[str]) -> None:
        """The log has all that there is to say of these keys."""
        await self._tx.execute(QUERIES["mark_recorded"], key_ids=list(key_ids))

    async def announce(self) -> list[Announcement]:
        """Take the keys that nobody was told of."""
        rows = await self._tx.fetch(QUERIES["announce"])
        return [Announcement(**dict(row)) for row in rows]

    async def lock_log(self) -> Frontier:
        """Become the sequencer until the transaction ends."""
        row = await self._tx.fetchrow(QUERIES["lock_log"])
        return _frontier(row)

    async def frontier(self) -> Frontier:
        """The tree as it is."""
        return _frontier(await self._tx.fetchrow(QUERIES["log_state"]))

    async def contiguous(self, producers: Sequence[str]) -> dict[str, int]:
        """How far each producer's rows are in the log; 0 for one that never sent any."""
        rows = await self._tx.fetch(QUERIES["contiguous"], producers=list(producers))
        found = {row["producer"]: row["contiguous"] for row in rows}
        return {producer: found.get(producer, 0) for producer in producers}

    async def held(self, producer: str, numbers: Sequence[int]) -> dict[int, str]:
        """The message ids that the log holds under these numbers of a producer."""
        rows = await self._tx.fetch(QUERIES["held"], producer=producer, numbers=list(numbers))
        return {row["audit_no"]: str(row["message_id"]) for row in rows}

    async def append(
        self,
        frontier: Frontier,
        rows: Sequence[tuple[str, Row]],
        growth: Growth,
        contiguous: Mapping[str, int],
    ) -> None:
        """Write rows behind `frontier`, the subtrees they completed, how far producers are, the new state."""
        grown = growth.frontier
        await self._tx.execute(
            QUERIES["append_log"],
            indexes=list(range(frontier.size, grown.size)),
            producers=[producer for producer, _ in rows],
            numbers=[row.audit_no for _, row in rows],
            ids=[UUID(row.message_id) for _, row in rows],
            subjects=[row.subject for _, row in rows],
            bodies=[row.body for _, row in rows],
            keys=[row.key_id for _, row in rows],
            signatures=[row.signature for _, row in rows],
            hashes=list(growth.hashes),
            tree_levels=[s.level for s in growth.subtrees],
            tree_indexes=[s.index for s in growth.subtrees],
            tree_hashes=[s.hash for s in growth.subtrees],
            held_producers=list(contiguous),
            held_numbers=list(contiguous.values()),
            size=grown.size,
            edge=list(grown.edge),
        )

    async def newest_checkpoint(self) -> Head | None:
        """The newest signed head."""
        row = await self._tx.fetchrow(QUERIES["newest_checkpoint"])
        return Head(row["size"], row["root"], row["note"]) if row else None

    async def checkpoint_at(self, size: int) -> Head | None:
        """The first signed head that covers a tree of this size."""
        row = await self._tx.fetchrow(QUERIES["checkpoint_at"], size=size)
        return Head(row["size"], row["root"], row["note"]) if row else None

    async def insert_checkpoint(self, head: Head) -> bool:
        """Keep a signed head; False when this size has one."""
        values = {"size": head.size, "root": head.root, "note": head.note}
        return await self._tx.fetchval(QUERIES["insert_checkpoint"], **values) is not None

    async def entry(
        self, *, index: int | None = None, message_id: UUID | None = None
    ) -> LogEntry | None:
        """The entry at an index, or of a message."""
        if index is not None:
            row = await self._tx.fetchrow(QUERIES["entry_by_index"], log_index=index)
        else:
            row = await self._tx.fetchrow(QUERIES["entry_by_message"], message_id=message_id)
        return _entry(row) if row else None

    async def entries(self, start: int, most: int) -> list[tuple[LogEntry, datetime]]:
        """A page of entries in order, each with the time at which the log took it."""
        rows = await self._tx.fetch(QUERIES["entries"], start=start, most=most)
        return [(_entry(row), row["at"]) for row in rows]

    async def subtrees(self, wanted: Sequence[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Hashes of complete subtrees by (level, index)."""
        rows = await self._tx.fetch(
            QUERIES["subtrees"],
            levels=[level for level, _ in wanted],
            indexes=[index for _, index in wanted],
        )
        return {(row["level"], row["index"]): row["hash"] for row in rows}


def _key(row: SqlRecord) -> ComponentKey:
    return ComponentKey(
        row["key_id"], row["component"], row["public_key"], row["status"],
        row["created_at"], row["expires_at"],
    )  # fmt: skip


def _frontier(row: SqlRecord | None) -> Frontier:
    assert row is not None  # noqa: S101 - the migration made the one row
    return Frontier(row["size"], tuple(row["edge"]))


def _entry(row: SqlRecord) -> LogEntry:
    message = Row(
        row["audit_no"], str(row["message_id"]), row["subject"], row["body"],
        row["key_id"], row["signature"],
    )  # fmt: skip
    return LogEntry(row["log_index"], row["producer"], message)
