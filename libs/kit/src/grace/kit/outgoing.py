"""A row of the outbox on its way to its stream, and those that this process committed a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from grace.kit import envelope
from grace.kit.envelope import CORRELATION, MESSAGE_ID, SCHEMA, TENANT, TRACEPARENT

if TYPE_CHECKING:
    from grace.kit.sql import Record
    from grace.kit.unit import OutboxRow

# What is beyond is found in the table; a stream that takes nothing must not fill the memory.
_MOST_FRESH = 2048
_MOST_BYTES = 4 * 1024 * 1024  # of all of them: one event can tell of a thousand tasks


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is published of a row."""

    id: UUID
    subject: str
    stream: str
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def stored(cls, row: Record) -> Outgoing:
        """A row as the table has it."""
        headers = {
            MESSAGE_ID: str(row["id"]),
            SCHEMA: row["schema"],
            TENANT: row["tenant_id"],
            CORRELATION: row["correlation_id"],
            **envelope.signature_headers(row["key_id"], row["signature"]),
        }
        if row["traceparent"]:
            headers[TRACEPARENT] = row["traceparent"]
        return cls(row["id"], row["subject"], row["stream"], headers, row["body"])

    @classmethod
    def committed(cls, row: OutboxRow) -> Outgoing:
        """A row as its transaction wrote it."""
        headers = {
            MESSAGE_ID: str(row.id),
            SCHEMA: row.schema,
            TENANT: row.tenant,
            CORRELATION: row.correlation_id,
            **envelope.signature_headers(row.key_id, row.signature),
        }
        if row.traceparent:
            headers[TRACEPARENT] = row.traceparent
        return cls(row.id, row.subject, row.spec.stream, headers, row.body)


class Fresh:
    """What was just committed here: it need not be read back to be sent.

    Only a short cut. What is forgotten here stays in the table, unsent, and is found there.
    """

    def __init__(self) -> None:
        self._rows: OrderedDict[UUID, Outgoing] = OrderedDict()
        self._bytes = 0
        # The table has more of what was committed, and should be read at once.
        self.left_out = False

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: Collection[OutboxRow]) -> None:
        """Take up rows of a transaction that has committed."""
        for row in rows:
            if len(self._rows) < _MOST_FRESH and self._bytes + len(row.body) <= _MOST_BYTES:
                self._rows[row.id] = Outgoing.committed(row)
                self._bytes += len(row.body)
            else:
                self.left_out = True

    def take(self, most: int) -> list[Outgoing]:
        """The oldest of them, which are forgotten here."""
        count = min(most, len(self._rows))
        taken = [self._rows.popitem(last=False)[1] for _ in range(count)]
        self._bytes -= sum(len(row.body) for row in taken)
        return taken

    def forget(self, ids: Collection[UUID]) -> None:
        """Others were found in the table, and go out from there."""
        for identity in ids:
            if row := self._rows.pop(identity, None):
                self._bytes -= len(row.body)

    def clear(self) -> None:
        """Leave all of them to the table."""
        self.left_out |= bool(self._rows)
        self.forget(list(self._rows))
