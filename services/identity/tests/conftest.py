"""What identity's tests share: producers of audited rows, and the log as an auditor sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg

from grace.contracts.identity import AppendRows, AuditRow, Checkpoint, GetCheckpoint
from grace.kit import Runtime, new_id
from grace.kit.envelope import sign
from grace.testkit import House, eventually
from grace.transparency import leaf_bytes, leaf_hash, parse_and_verify, parse_verifier_key, root

SUBJECT = "thing.mended"
QUICK = {"checkpoint_interval": timedelta(milliseconds=50)}


class Producer:
    """A service that hands rows to the log by hand."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.name = runtime.name

    def row(
        self, number: int, body: bytes | None = None, signer: Runtime | None = None
    ) -> AuditRow:
        """A row as an outbox keeps it, signed by `signer` or the producer itself."""
        identity, data = new_id(), body if body is not None else f"{self.name} {number}".encode()
        keys = (signer or self.runtime).keys
        return AuditRow(
            audit_no=number,
            message_id=str(identity),
            subject=SUBJECT,
            body=data,
            key_id=keys.key_id,
            signature=sign(keys, SUBJECT, identity, data),
        )

    async def append(self, *rows: AuditRow) -> int:
        """Hand them over; how far the log is connected."""
        answer = await self.runtime.call(AppendRows(producer=self.name, rows=rows))
        return answer.contiguous_to


async def checkpoint_over(auditor: Runtime, size: int) -> Checkpoint:
    """Wait for a checkpoint that covers so many entries."""

    async def covers() -> Checkpoint | None:
        found = await auditor.call(GetCheckpoint())
        return found if found.size >= size else None

    found: Checkpoint = await eventually(covers)
    return found


async def entries(house: House) -> list[asyncpg.Record]:
    """The log's rows, as somebody with the database reads them."""
    return await house.rows("identity", "SELECT * FROM immutable_log ORDER BY log_index")


def hash_of(row: Mapping[str, Any]) -> bytes:
    """The leaf hash that a row should have."""
    return leaf_hash(
        leaf_bytes(
            row["subject"],
            str(row["message_id"]),
            body=row["body"],
            key_id=row["key_id"],
            signature=row["signature"],
        )
    )


def tampering(rows: Sequence[Mapping[str, Any]], checkpoint: Checkpoint) -> str | None:
    """What an auditor finds who has the rows and a checkpoint of his own; None when all is well."""
    verifier = parse_verifier_key(checkpoint.verifier_key)
    head = parse_and_verify(checkpoint.note, verifier.name, verifier.public_key)
    covered = rows[: head.size]
    if [row["log_index"] for row in covered] != list(range(head.size)):
        return "rows are missing"
    hashes = [hash_of(row) for row in covered]
    wrong = [n for n, row in enumerate(covered) if row["leaf_hash"] != hashes[n]]
    if wrong:
        return f"row {wrong[0]} has another hash"
    return None if root(hashes) == head.root else "the root is another"
