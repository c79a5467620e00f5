"""Notices when a stream has lost what it had."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import TYPE_CHECKING

from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError

from grace.contracts.subjects import SUBJECTS
from grace.kit import metrics
from grace.kit.pieces import pieces
from grace.kit.sql import Queries

if TYPE_CHECKING:
    from nats.js.api import StreamInfo

    from grace.kit.flight import Flight
    from grace.kit.runtime import Runtime

QUERIES = Queries.beside(__file__)
# Seconds after which a stream that did not answer is asked again: the rows for it wait so long.
_UNREACHABLE_PAUSE = 0.5


class StreamWatch:
    """Notices that a stream lost what it had, and has every retained row sent again."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._due_at = 0.0
        self._reconnects = 0

    def open(self, runtime: Runtime) -> Collection[str]:
        """The streams that may be published to: those whose state is on record.

        None after a reconnect, until they were looked at: the server may have come back empty.
        """
        return self._seen if runtime.client.stats["reconnects"] == self._reconnects else ()

    async def look(self, runtime: Runtime, flight: Flight) -> list[str]:
        """Look at the streams where that is due; returns those that may be published to.

        What is under way to one that has lost it is forgotten, and so is sent again with the others.
        """
        if self._is_due(runtime, flight):
            async with runtime.reading() as tx:
                rows = await tx.fetch(QUERIES["known_streams"])
            known = {row["stream"]: (row["created"], row["last_sequence"]) for row in rows}
            names = _published_streams(runtime.name)
            answered = [await self._compare(runtime, flight, n, known.get(n)) for n in names]
            pause = runtime.settings.regression_interval.total_seconds()
            self._due_at = time.monotonic() + (pause if all(answered) else _UNREACHABLE_PAUSE)
        return sorted(self._seen)

    def _is_due(self, runtime: Runtime, flight: Flight) -> bool:
        """After an interval, and after every reconnect: nothing goes out then before it is done."""
        reconnects = runtime.client.stats["reconnects"]
        if reconnects == self._reconnects:
            return time.monotonic() >= self._due_at
        self._seen.clear()
        flight.unanswered()  # who was asked over a connection that is gone seldom answers
        self._reconnects, self._due_at = reconnects, 0.0
        return True

    async def _compare(
        self, runtime: Runtime, flight: Flight, name: str, known: tuple[str, int] | None
    ) -> bool:
        """Whether it answered."""
        metrics.OUTBOX_RESENT.labels(runtime.name, name)
        try:
            info = await _info(runtime, name)
        except NatsError as error:
            runtime.log.warning("stream.unreachable", stream=name, error=repr(error))
            # It may come back empty, so nothing goes there before it was compared again.
            self._seen.discard(name)
            return False
        created, last = str(info.created), info.state.last_seq
        if known != (created, last):
            lost = known is not None and (known[0] != created or last < known[1])
            await self._record(runtime, name, created, last, lost=lost)
            if lost:
                flight.lose(name)
        self._seen.add(name)
        return True

    async def _record(
        self, runtime: Runtime, name: str, created: str, last: int, *, lost: bool
    ) -> None:
        """Remember the stream as it is, once all that it has lost goes out again: a crash begins anew."""
        if lost:
            await self._send_again(runtime, name)
        async with runtime.reading() as tx:
            await tx.execute(
                QUERIES["remember_stream"], stream=name, created=created, last_sequence=last
            )

    async def _send_again(self, runtime: Runtime, name: str) -> None:
        rows = 0
        async for piece in pieces(runtime):
            async with runtime.reading() as tx:
                rows += await tx.execute(
                    QUERIES["send_again"], stream=name, after=piece.after, upto=piece.upto
                )
        runtime.log.warning("stream.regressed", stream=name, rows=rows)
        metrics.OUTBOX_RESENT.labels(runtime.name, name).inc(rows)


async def _info(runtime: Runtime, name: str) -> StreamInfo:
    """Ask about a stream. nats-py would keep the question for a server that is away, and a stop would wait for it."""
    if not runtime.client.is_connected:
        raise ConnectionReconnectingError
    return await runtime.stream.stream_info(name)


def _published_streams(service: str) -> list[str]:
    """Where the outbox goes. Reports do not travel through it."""
    specs = [s for s in SUBJECTS.values() if s.stream and service in s.publishers]
    return sorted({spec.stream for spec in specs if spec.stream != "REPORTS"})
