"""Notices what left a stream before this service had read it: nobody else would ever tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from nats.errors import Error as NatsError
from nats.js.api import ConsumerInfo, StreamInfo

from grace.contracts.permissions import durable, durables
from grace.kit import metrics
from grace.kit.sql import Queries, Record

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a consumer has read a stream: all up to `sequence`, of the stream `created` then."""

    consumer: str
    stream: str
    created: str
    sequence: int


def mark_of(consumer: str, stream: StreamInfo, info: ConsumerInfo) -> Mark:
    """How far it has read; `info` was asked for after `stream`.

    The floor of a consumer rests where its last own message was, whatever others the stream has had
    since. Where nothing waits for it, it has read all that there was.
    """
    waits = (info.num_pending or 0) + (info.num_ack_pending or 0)
    floor = info.ack_floor.stream_seq if info.ack_floor is not None else 0
    read = floor if waits else max(floor, stream.state.last_seq)
    return Mark(consumer, stream.config.name or "", str(stream.created), read)


def missed(before: Mark | None, stream: StreamInfo) -> int:
    """How many messages left the stream behind a mark; of a stream made anew there is nothing to tell."""
    if before is None or before.created != str(stream.created):
        return 0
    return max(0, stream.state.first_seq - before.sequence - 1)


async def _rows(runtime: Runtime) -> Sequence[Record]:
    async with runtime.reading() as tx:
        return await tx.fetch(QUERIES["consumer_marks"])


def _mark(row: Record) -> Mark:
    return Mark(row["consumer"], row["stream"], row["created"], row["sequence"])


def _may_ask(runtime: Runtime) -> bool:
    """Where nobody is there to answer a question waits, and a stop waits for it."""
    return bool(runtime.client.is_connected) and not runtime.stopping.is_set()


class Gaps:
    """Marks how far each consumer has read, and tells what it can never read any more."""

    async def tick(self, runtime: Runtime) -> bool:
        """Look at every stream that the service reads. Nothing is left to do."""
        known = {row["consumer"]: _mark(row) for row in await _rows(runtime)}
        reads = sorted((s.stream, durable(runtime.name, s.name)) for s in durables(runtime.name))
        for stream, each in groupby(reads, key=lambda read: read[0]):
            if not _may_ask(runtime):
                return False
            try:
                await self._look(runtime, stream, [consumer for _, consumer in each], known)
            except NatsError as error:  # the next look sees as much
                runtime.log.warning("gaps.unknown", stream=stream, error=repr(error))
        rows = await _rows(runtime)
        for row in rows:
            gauge = metrics.MESSAGES_MISSED.labels(runtime.name, row["consumer"])
            gauge.set(row["missed_lately"])
        runtime.complaints["gaps"] = [
            f"{row['consumer']} missed {row['missed_lately']} messages within a day, at most"
            for row in rows
            if row["missed_lately"]
        ]
        return False

    async def _look(
        self, runtime: Runtime, name: str, consumers: Sequence[str], known: dict[str, Mark]
    ) -> None:
        stream = await runtime.stream.stream_info(name)
        for consumer in consumers:
            if not _may_ask(runtime):
                return
            info = await runtime.stream.consumer_info(name, consumer)
            mark, gone = mark_of(consumer, stream, info), missed(known.get(consumer), stream)
            if gone:
                runtime.log.error("messages.missed", stream=name, consumer=consumer, at_most=gone)
            async with runtime.reading() as tx:
                await tx.execute(
                    QUERIES["remember_mark"],
                    consumer=consumer,
                    stream=name,
                    created=mark.created,
                    sequence=max(mark.sequence, stream.state.first_seq - 1),
                    missed=gone,
                )
