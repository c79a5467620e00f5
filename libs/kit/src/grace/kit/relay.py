"""Carries the outbox to the streams and to the immutable log. One relay of each kind per service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError

from grace.contracts.identity import AppendRows, AuditRow
from grace.kit import metrics
from grace.kit.errors import GraceError
from grace.kit.flight import Flight
from grace.kit.loops import Duty
from grace.kit.outgoing import Outgoing
from grace.kit.pieces import pieces
from grace.kit.sql import Queries, Record
from grace.kit.watch import StreamWatch

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)
_BATCH = 256
# It is woken.
_PUBLISH_INTERVAL = timedelta(seconds=1)
# What the streams acknowledge is marked together, five times a second at most.
_MARK_SECONDS = 0.2
# A call of the log carries at most this many bytes of messages; NATS takes 1 MiB.
_AUDIT_BYTES = 400_000
# Rows that are sent have their numbers sooner.
_PATIENCE = timedelta(seconds=1)
# Longer than any stream delivers again, and than an id is accepted, however little the outbox keeps.
_REMEMBERED = timedelta(days=8)
# As long as the stream of the same name keeps them.
_QUARANTINE_RETENTION = timedelta(days=30)
# Ids and quarantined messages that one statement drops.
_PRUNED = 10_000


class Publish:
    """Sends what this process commits at once, and waits for nothing: no answer, no statement.

    What it leaves, for whatever reason, stays unsent in the table, and the sweep finds it.
    """

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    async def tick(self, runtime: Runtime) -> bool:
        """Send one batch; True while there is more."""
        fresh, flight = runtime.fresh, self._sending.flight
        streams = await self._sending.open_streams(runtime)
        if not streams:
            fresh.clear()
        if flight.room <= 0:
            await flight.landed(first=True)
        taken = fresh.take(min(_BATCH, max(flight.room, 0)))
        rows = [row for row in taken if row.stream in streams]
        fresh.left_out |= await self._sending.send(runtime, rows) < len(taken)
        if fresh.left_out:
            runtime.wake(Sweep)
        return len(fresh) > 0


class Sweep:
    """Marks what the streams acknowledged, and sends what the table has besides. A row may go out twice.

    It is woken a moment after acknowledgements, and at once by what did not get out. Otherwise the table is
    read once an interval, for what other replicas committed.
    """

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    async def tick(self, runtime: Runtime) -> bool:
        """Send one batch; True while there is more."""
        if not await self._sending.leads(runtime):
            return False
        streams = await self._sending.watch.look(runtime, self._sending.flight)
        await self._sending.mark(runtime)
        runtime.fresh.left_out = False
        async with runtime.reading() as tx:
            rows = await tx.fetch(
                QUERIES["unsent"],
                streams=streams,
                under_way=self._sending.flight.under_way,
                most=_BATCH,
            )
        runtime.fresh.forget([row["id"] for row in rows])
        sent = await self._sending.send(runtime, [Outgoing.stored(row) for row in rows])
        if len(rows) < _BATCH and not runtime.stopping.is_set():
            return False
        await self._sending.flight.landed()
        marked = await self._sending.mark(runtime)
        return len(rows) == _BATCH and min(sent, marked) > 0


class Sending:
    """What both share: which streams may be published to, and what is under way to them."""

    def __init__(self) -> None:
        self.watch = StreamWatch()
        self.flight = Flight()
        self._will_mark = False

    async def leads(self, runtime: Runtime) -> bool:
        """Whether this replica is the one that sends, and can."""
        if await runtime.leadership.holds("publish"):
            return runtime.client.is_connected
        self.flight.clear()
        return False

    async def open_streams(self, runtime: Runtime) -> Collection[str]:
        """Where may be sent to now."""
        return self.watch.open(runtime) if await self.leads(runtime) else ()

    async def send(self, runtime: Runtime, rows: Sequence[Outgoing]) -> int:
        """Send the rows that are not under way; how many are. The rest stays when the connection goes."""
        count = 0
        try:
            for row in rows:
                if row.id not in self.flight:
                    headers = dict(row.headers)
                    ack = await runtime.stream.publish_async(
                        row.subject, row.body, stream=row.stream, headers=headers
                    )
                    self.flight.add(row, ack)
                    ack.add_done_callback(lambda _: self._mark_soon(runtime))
                count += 1
        except NatsError as error:
            runtime.log.warning("outbox.interrupted", error=repr(error))
        return count

    def _mark_soon(self, runtime: Runtime) -> None:
        """One mark for all that is acknowledged until then."""
        if not self._will_mark:
            self._will_mark = True
            asyncio.get_running_loop().call_later(_MARK_SECONDS, self._wake_sweep, runtime)

    def _wake_sweep(self, runtime: Runtime) -> None:
        self._will_mark = False
        runtime.wake(Sweep)

    async def mark(self, runtime: Runtime) -> int:
        """Note in the table what the streams have, and tell of what they did not take."""
        if failures := self.flight.failures():
            runtime.log.warning("outbox.unsent", rows=len(failures), error=failures[-1])
        stored = self.flight.stored
        if not stored:
            return 0
        async with runtime.reading() as tx:
            await tx.execute(QUERIES["mark_sent"], ids=stored)
        self.flight.marked(stored)
        metrics.OUTBOX_SENT.labels(runtime.name).inc(len(stored))
        runtime.wake(Audit)
        return len(stored)


def sending(interval: timedelta) -> list[Duty]:
    """Both duties; they lead by themselves, under one lock."""
    shared = Sending()
    return [Duty(_PUBLISH_INTERVAL, Publish(shared)), Duty(interval, Sweep(shared))]


class Audit:
    """Hands audited rows to the log until it holds them. They are numbered, without gaps, when they are sent."""

    def __init__(self) -> None:
        self._look_at = 0.0

    async def tick(self, runtime: Runtime) -> bool:
        """Hand over one batch; True while there is more."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + _PATIENCE.total_seconds()
            await _number_what_is_left(runtime)
        async with runtime.reading() as tx:
            rows = await tx.fetch(QUERIES["unaudited"], most=_BATCH)
        if not rows:
            return False
        batch = _within(rows, _AUDIT_BYTES)
        request = AppendRows(producer=runtime.name, rows=tuple(_audit_row(row) for row in batch))
        try:
            answer = await runtime.call(request, timeout=10)
        except GraceError as error:
            runtime.log.warning("audit.not_appended", rows=len(rows), error=error.detail)
            return False
        await self._acknowledge(runtime, answer.contiguous_to)
        last_sent: int = batch[-1]["audit_no"]
        # A batch that was not full held all there was: what came since waits for more of its like.
        has_more = len(rows) == _BATCH or len(batch) < len(rows)
        return has_more and answer.contiguous_to >= last_sent

    async def _acknowledge(self, runtime: Runtime, upto: int) -> None:
        async with runtime.reading() as tx:
            await tx.execute(QUERIES["acknowledge_audit"], acknowledged=upto)
        metrics.AUDIT_ACKNOWLEDGED.labels(runtime.name).set(upto)


async def _number_what_is_left(runtime: Runtime) -> None:
    """Number what its stream has not taken for a while: the log need not wait for that."""
    async with runtime.reading() as tx:
        row = await tx.fetchrow(QUERIES["is_left"], patience=_PATIENCE)
    if row is None or not row["is_left"]:
        return
    async with runtime.unit() as unit:
        # A statement of its own: the numbering must see what whoever held the lock has done.
        await unit.tx.execute(QUERIES["lock_audit"])
        await unit.tx.execute(QUERIES["number_audited"], most=_BATCH)


def _within(rows: list[Record], most: int) -> list[Record]:
    """The first rows that fit, at least one."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row["body"]) * 4 // 3 + 400
        if size > most and count > 0:
            return rows[:count]
    return rows


def _audit_row(row: Record) -> AuditRow:
    return AuditRow(
        audit_no=row["audit_no"],
        message_id=str(row["id"]),
        subject=row["subject"],
        body=row["body"],
        key_id=row["key_id"],
        signature=row["signature"],
    )


class Prune:
    """Drops outbox rows, inbox ids and quarantined messages that nobody can ask for any more."""

    async def tick(self, runtime: Runtime) -> bool:
        """Delete what is older than the retention; True while there is more."""
        retention: timedelta = runtime.settings.outbox_retention
        async for piece in pieces(runtime):
            if piece.age < retention:
                break  # none of it is old enough, and what is behind is younger
            async with runtime.reading() as tx:
                await tx.execute(
                    QUERIES["prune_outbox"],
                    after=piece.after,
                    upto=piece.upto,
                    retention=retention,
                )
        async with runtime.reading() as tx:
            gone = (
                await tx.execute(QUERIES["prune_inbox"], retention=_REMEMBERED, most=_PRUNED),
                await tx.execute(
                    QUERIES["prune_quarantine"], retention=_QUARANTINE_RETENTION, most=_PRUNED
                ),
            )
        return max(gone) == _PRUNED
