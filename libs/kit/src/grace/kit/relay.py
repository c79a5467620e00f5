"""Carries the outbox to the streams and to the immutable log. One relay of each kind per service."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from nats.errors import Error as NatsError
from nats.js.api import PubAck

from grace.contracts.identity import AppendRows, AuditRow
from grace.contracts.subjects import SUBJECTS
from grace.kit import metrics
from grace.kit.errors import GraceError
from grace.kit.outgoing import Outgoing
from grace.kit.sql import Queries, Record

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)
_BATCH = 256
# nats-py's pending futures never time out on their own (they survive a lost server).
_ACK_TIMEOUT = 5.0
# Seconds after which a stream that did not answer is asked again: the rows for it wait so long.
_UNREACHABLE_PAUSE = 0.5
# A call of the log carries at most this many bytes of messages; NATS takes 1 MiB.
_AUDIT_BYTES = 400_000
# As long as the stream of the same name keeps them.
_QUARANTINE_RETENTION = timedelta(days=30)

Ack = asyncio.Future[PubAck]
Before: TypeAlias = "Callable[[Runtime], Awaitable[None]]"


class Publish:
    """Sends what is unsent and marks what the streams acknowledged. A row may go out twice.

    What this process commits goes out at once. The table is read once an interval, for what others
    committed and for what did not get out.
    """

    def __init__(self) -> None:
        self._watch = StreamWatch()
        # Acknowledged, and not marked yet: a mark that is lost sends a row twice, never never.
        self._sent: list[UUID] = []
        self._sweep_at = 0.0

    async def tick(self, runtime: Runtime) -> bool:
        """Send one batch; True while there is more."""
        if not await runtime.leadership.holds("publish"):
            runtime.fresh.clear()  # the leader finds them in the table
            self._sent.clear()
            return False
        if not runtime.client.is_connected:
            runtime.fresh.clear()
            return False
        # In this order, in one task: a row that a lost stream acknowledged is marked before the
        # loss is looked for, and so is sent again with the others.
        streams = await self._watch.look(runtime, before=self._mark)
        await self._push(runtime, streams)
        is_due = time.monotonic() >= self._sweep_at or runtime.fresh.left_out
        if is_due or runtime.stopping.is_set():
            return await self._sweep(runtime, streams)
        return len(runtime.fresh) > 0

    async def _push(self, runtime: Runtime, streams: list[str]) -> None:
        """Send what was committed here since the last time."""
        rows = [row for row in runtime.fresh.take(_BATCH) if row.stream in streams]
        if len(await self._send(runtime, rows)) < len(rows):
            self._sweep_at = 0.0

    async def _sweep(self, runtime: Runtime, streams: list[str]) -> bool:
        """Mark what was sent, and send what the table has besides."""
        await self._mark(runtime)
        runtime.fresh.left_out = False
        self._sweep_at = time.monotonic() + runtime.settings.outbox_interval.total_seconds()
        async with runtime.reading() as tx:
            rows = await tx.fetch(QUERIES["unsent"], streams=streams, most=_BATCH)
        runtime.fresh.forget([row["id"] for row in rows])
        sent = await self._send(runtime, [Outgoing.stored(row) for row in rows])
        if len(rows) == _BATCH or runtime.stopping.is_set():
            self._sweep_at = 0.0
            await self._mark(runtime)
        return (len(rows) == _BATCH and len(sent) == len(rows)) or len(runtime.fresh) > 0

    async def _mark(self, runtime: Runtime) -> None:
        if not self._sent:
            return
        async with runtime.reading() as tx:
            await tx.execute(QUERIES["mark_sent"], ids=self._sent)
        self._sent.clear()

    async def _send(self, runtime: Runtime, rows: Sequence[Outgoing]) -> list[UUID]:
        waiting = await self._publish(runtime, rows)
        if not waiting:
            return []
        done, late = await asyncio.wait(waiting.values(), timeout=_ACK_TIMEOUT)
        for future in late:
            future.cancel()
        sent = [identity for identity, future in waiting.items() if _acknowledged(future, done)]
        self._sent += sent
        metrics.OUTBOX_SENT.labels(runtime.name).inc(len(sent))
        if len(sent) < len(rows):
            failure = next((f.exception() for f in done if f.exception()), "no answer in time")
            runtime.log.warning("outbox.unsent", rows=len(rows) - len(sent), error=repr(failure))
        return sent

    async def _publish(self, runtime: Runtime, rows: Sequence[Outgoing]) -> dict[UUID, Ack]:
        """Send the rows without waiting for their answers; the rest stays when the connection goes."""
        waiting: dict[UUID, Ack] = {}
        try:
            for row in rows:
                waiting[row.id] = await runtime.stream.publish_async(
                    row.subject, row.body, stream=row.stream, headers=dict(row.headers)
                )
        except NatsError as error:
            runtime.log.warning("outbox.interrupted", error=repr(error))
        return waiting


def _acknowledged(future: Ack, done: set[Ack]) -> bool:
    return future in done and not future.cancelled() and future.exception() is None


class StreamWatch:
    """Notices that a stream lost what it had, and has every retained row sent again."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._due_at = 0.0
        self._reconnects = 0

    async def look(self, runtime: Runtime, *, before: Before | None = None) -> list[str]:
        """The streams that may be published to: those whose state is on record.

        `before` is done first where they are looked at.
        """
        if self._is_due(runtime):
            if before is not None:
                await before(runtime)
            async with runtime.reading() as tx:
                rows = await tx.fetch(QUERIES["known_streams"])
            known = {row["stream"]: (row["created"], row["last_sequence"]) for row in rows}
            for name in _published_streams(runtime.name):
                await self._compare(runtime, name, known.get(name))
        return sorted(self._seen)

    def _is_due(self, runtime: Runtime) -> bool:
        """After an interval, and after every reconnect: the server may have come back empty."""
        now, reconnects = time.monotonic(), runtime.client.stats["reconnects"]
        if now < self._due_at and reconnects == self._reconnects:
            return False
        self._due_at = now + runtime.settings.regression_interval.total_seconds()
        self._reconnects = reconnects
        return True

    async def _compare(self, runtime: Runtime, name: str, known: tuple[str, int] | None) -> None:
        try:
            info = await runtime.stream.stream_info(name)
        except NatsError as error:
            runtime.log.warning("stream.unreachable", stream=name, error=repr(error))
            # It may come back empty, so nothing goes there before it was compared again.
            self._seen.discard(name)
            self._due_at = time.monotonic() + _UNREACHABLE_PAUSE
            return
        created, last = str(info.created), info.state.last_seq
        if known != (created, last):
            lost = known is not None and (known[0] != created or last < known[1])
            await self._record(runtime, name, created, last, lost=lost)
        self._seen.add(name)

    async def _record(
        self, runtime: Runtime, name: str, created: str, last: int, *, lost: bool
    ) -> None:
        async with runtime.unit() as unit:
            await unit.tx.execute(
                QUERIES["remember_stream"], stream=name, created=created, last_sequence=last
            )
            again = await unit.tx.execute(QUERIES["send_again"], stream=name) if lost else 0
        if lost:
            runtime.log.warning("stream.regressed", stream=name, rows=again)
            metrics.OUTBOX_RESENT.labels(runtime.name, name).inc(again)


def _published_streams(service: str) -> list[str]:
    """Where the outbox goes. Reports do not travel through it."""
    specs = [s for s in SUBJECTS.values() if s.stream and service in s.publishers]
    return sorted({spec.stream for spec in specs if spec.stream != "REPORTS"})


class Audit:
    """Numbers audited rows without gaps and hands them to the log until it holds them."""

    async def tick(self, runtime: Runtime) -> bool:
        """Hand over one batch; True while there is more."""
        rows = await self._next_rows(runtime)
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

    async def _next_rows(self, runtime: Runtime) -> list[Record]:
        async with runtime.unit() as unit:
            # A statement of its own: the numbering must see what whoever held the lock has done.
            await unit.tx.execute(QUERIES["lock_audit"])
            await unit.tx.execute(QUERIES["number_audited"], most=_BATCH)
            return await unit.tx.fetch(QUERIES["unaudited"], most=_BATCH)

    async def _acknowledge(self, runtime: Runtime, upto: int) -> None:
        async with runtime.reading() as tx:
            await tx.execute(QUERIES["acknowledge_audit"], acknowledged=upto)
        metrics.AUDIT_ACKNOWLEDGED.labels(runtime.name).set(upto)


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
        """Delete what is older than the retention."""
        retention: timedelta = runtime.settings.outbox_retention
        async with runtime.unit() as unit:
            await unit.tx.execute(QUERIES["prune_outbox"], retention=retention)
            await unit.tx.execute(QUERIES["prune_inbox"], retention=retention)
            await unit.tx.execute(QUERIES["prune_quarantine"], retention=_QUARANTINE_RETENTION)
        return False
