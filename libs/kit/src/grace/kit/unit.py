"""One transaction: what it changes, what it tells others, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from grace.contracts.kit import Quarantined
from grace.contracts.message import Message
from grace.contracts.subject import Subject
from grace.contracts.subjects import SUBJECTS
from grace.kit import envelope, metrics, tracing
from grace.kit.envelope import Raw, Received
from grace.kit.ids import derived_id, new_id
from grace.kit.sql import Queries, Transaction
from grace.kit.text import harmless

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime
    from grace.kit.stream import Called

QUERIES = Queries.beside(__file__)
KEPT_BYTES = 64 * 1024
_KEPT_HEADERS = 64
_LONGEST_HEADER = 1024
# The log takes it in base64 beside others, and NATS takes one megabyte.
_MOST_EVENT_BYTES = 512 * 1024


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A signed message as it waits in the outbox."""

    id: UUID
    subject: str
    spec: Subject
    schema: str
    tenant: str
    correlation_id: str
    traceparent: str | None
    body: bytes
    key_id: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message for the quarantine. One that passed the door is kept whole: it can be handled again."""

    raw: Raw
    message_id: str
    reason: str
    detail: str
    passed: bool = False

    @property
    def kept(self) -> bytes:
        """Of what anybody may send, not all of it."""
        return self.raw.data if self.passed else self.raw.data[:KEPT_BYTES]


# Gets the unit and what was collected for it, in order.
Write: TypeAlias = "Callable[[Unit, Sequence[Any]], Awaitable[None]]"


@dataclass(slots=True)
class Unit:
    """One transaction of one service. What it publishes goes out if and only if it commits."""

    runtime: Runtime
    tx: Transaction
    consumer: str = ""
    correlation_id: str = ""
    _now: datetime | None = None
    _outbox: list[OutboxRow] = field(default_factory=list)
    _rejected: list[Rejected] = field(default_factory=list)
    _counted: list[tuple[str, str]] = field(default_factory=list)
    _after: list[Callable[[], None]] = field(default_factory=list)
    _hints: list[tuple[Message, str | None]] = field(default_factory=list)
    _collected: dict[Write, list[Any]] = field(default_factory=dict)

    async def now(self) -> datetime:
        """The database's clock, fixed for the transaction."""
        if self._now is None:
            self._now = await self.tx.fetchval(QUERIES["now"])
        return self._now

    async def wait_turn(self, identity: UUID) -> None:
        """Wait until no other transaction is at the request of this id: a repeat then finds what it made."""
        await self.tx.execute(QUERIES["lock_request"], id=identity)

    def publish(
        self, message: Message, *, subject: str | None = None,
        tenant: str = "default", correlation_id: str | None = None, identity: UUID | None = None,
        traceparent: str | None = None,
    ) -> UUID:  # fmt: skip
        """Put a signed message into the outbox; returns its id. TooLarge beyond 512 KiB.

        `identity` is a UUIDv7 that a repeat has, too: only the first of its messages is sent. `traceparent`
        is for what is told of another trace than the one that runs.
        """
        spec = SUBJECTS[message.SUBJECT]
        if not spec.stream:
            raise ValueError(f"{spec.name} is in no stream: call() asks, hint() signals")
        name = subject or spec.at(service=self.runtime.name)
        body = envelope.body_of(message, most=_MOST_EVENT_BYTES)
        identity, keys = identity or new_id(), self.runtime.keys
        row = OutboxRow(
            identity, name, spec, message.SCHEMA, tenant,
            correlation_id or self.correlation_id or str(identity),
            traceparent or tracing.current_traceparent(), body,
            keys.key_id, envelope.sign(keys, name, identity, body),
        )  # fmt: skip
        self._outbox.append(row)
        return identity

    def hint(self, message: Message, *, subject: str | None = None) -> None:
        """Send a signal once the transaction has committed. It may be lost."""
        self._hints.append((message, subject))

    def collect(self, write: Write, item: object) -> None:
        """Keep what can wait for the end of the transaction; `write` gets all of it at once then."""
        self._collected.setdefault(write, []).append(item)

    def after_commit(self, act: Callable[[], None]) -> None:
        """Call this once the transaction has committed."""
        self._after.append(act)

    def refuse(
        self, message: Received[Any], *, reason: str, detail: str = "", keep: bool = True
    ) -> None:
        """Quarantine one message of the batch; the others go on.

        `keep` False: what it says goes nowhere, as a secret lies open in it; that it came is told.
        """
        body = message.raw if keep else b""
        raw = Raw(message.subject, body, message.headers, "", message.issued_at)
        self.reject(Rejected(raw, str(message.id), reason, detail, passed=True))

    def reject(self, rejected: Rejected) -> None:
        """Quarantine what could not even be opened."""
        self._rejected.append(rejected)

    @property
    def refused(self) -> Sequence[Rejected]:
        """What is quarantined so far."""
        return self._rejected

    @property
    def ignored(self) -> Sequence[str]:
        """Why messages changed nothing so far."""
        return [reason for _, reason in self._counted]

    def count(self, reason: str, message: Received[Any] | Called[Any]) -> None:
        """Count a message that rightly changes nothing: stale, duplicate, late."""
        self._counted.append((message.subject, reason))

    async def flush(self) -> None:
        """Write what waited, and what the transaction tells others: its last statements."""
        collected, self._collected = self._collected, {}
        for write, items in collected.items():
            await write(self, items)
        fresh = await self._write_quarantine()
        if fresh:
            at = await self.now()
            for rejected in fresh:
                self.publish(told := _quarantined(rejected, self.consumer, at))
                self._after.append(partial(self._tell, told))
        if self._outbox:
            await self._write_outbox()

    def finish(self) -> None:
        """Do what waits for the commit."""
        for subject, reason in self._counted:
            metrics.MESSAGES_IGNORED.labels(self.runtime.name, subject, reason).inc()
        for rejected in self._rejected:
            labels = (self.runtime.name, rejected.raw.subject, rejected.reason)
            metrics.MESSAGES_REJECTED.labels(*labels).inc()
        for message, name in self._hints:
            self.runtime.soon(self.runtime.signal(message, subject=name))
        if self._outbox:
            self.runtime.outbox_grew(self._outbox)
        for act in self._after:
            self._call(act)

    def _tell(self, told: Quarantined) -> None:
        """Who sent it has heard that it is on disk: this is where people find out why nothing came of it."""
        self.runtime.log.warning(
            "message.quarantined",
            subject=told.original_subject,
            message_id=told.original_id,
            reason=told.reason,
            detail=told.detail,
        )

    def _call(self, act: Callable[[], None]) -> None:
        """The transaction stands: what fails now must not make anybody do it again."""
        try:
            act()
        except Exception:  # the edge: it is committed
            self.runtime.log.exception("after_commit.failed")

    async def _write_outbox(self) -> None:
        rows = self._outbox
        written = await self.tx.fetch(
            QUERIES["insert_outbox"],
            ids=[r.id for r in rows],
            subjects=[r.subject for r in rows],
            streams=[r.spec.stream for r in rows],
            schemas=[r.schema for r in rows],
            tenants=[r.tenant for r in rows],
            correlations=[r.correlation_id for r in rows],
            traces=[r.traceparent for r in rows],
            bodies=[r.body for r in rows],
            keys=[r.key_id for r in rows],
            signatures=[r.signature for r in rows],
            audited=[r.spec.audited for r in rows],
        )
        if len(written) < len(rows):
            new = {row["id"] for row in written}
            self._outbox = [row for row in rows if row.id in new]

    async def _write_quarantine(self) -> list[Rejected]:
        """Insert the rows; returns those that were not there before."""
        if not self._rejected:
            return []
        named = {_quarantine_id(r, self.consumer): r for r in self._rejected}
        rows = await self.tx.fetch(
            QUERIES["insert_quarantine"],
            ids=list(named),
            subjects=[r.raw.subject for r in named.values()],
            message_ids=[harmless(r.message_id, 256) for r in named.values()],
            consumers=[self.consumer] * len(named),
            reasons=[r.reason for r in named.values()],
            details=[harmless(r.detail, 1024) for r in named.values()],
            headers=[_kept_headers(r.raw) for r in named.values()],
            bodies=[r.kept for r in named.values()],
        )
        return [named[row["id"]] for row in rows]


def _quarantine_id(rejected: Rejected, consumer: str) -> UUID:
    """The same for the same message, so that a redelivery is kept once."""
    where = rejected.raw.place or rejected.message_id
    return derived_id("quarantine", consumer, rejected.raw.subject, where, rejected.reason)


def _kept_headers(raw: Raw) -> str:
    kept = islice(raw.headers.items(), _KEPT_HEADERS)
    return json.dumps({harmless(k, 128): harmless(v, _LONGEST_HEADER) for k, v in kept})


def _quarantined(rejected: Rejected, consumer: str, at: datetime) -> Quarantined:
    return Quarantined(
        original_subject=rejected.raw.subject[:256],
        original_id=harmless(rejected.message_id, 256),
        consumer=consumer or "rpc",
        reason=rejected.reason,
        detail=harmless(rejected.detail, 1024),
        body=rejected.raw.data[:KEPT_BYTES],
        at=at,
    )
