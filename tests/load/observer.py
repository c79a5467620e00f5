"""Looks at servers under load: how late events are, how long sessions wait for locks.

An event's id tells when its service decided, to the millisecond; its lag is from then until a
reader of the stream has it. A wait for a lock is what Postgres tells of those that wait right now.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID, uuid4

import nats
from load.apart import Grounds
from load.figures import BenchError, Figure, figure
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import DeliverPolicy

from grace.contracts.permissions import inbox_prefix
from grace.kit import end_tasks, issued_at
from grace.kit.envelope import MESSAGE_ID

_STREAM = "EVENTS"
_SAMPLE_SECONDS = 0.02
_LOOK_SECONDS = 0.2
_QUIET_SECONDS = 60.0
_TAKES_ERRORS_IN = ("intent-", "verification-")
_WAITS = """
    SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0) * 1000
      FROM pg_locks WHERE NOT granted
"""
_DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


@asynccontextmanager
async def observing(grounds: Grounds) -> AsyncIterator[Client]:
    """A client of the user who may see everything."""
    server = grounds.installation.nats
    client = await nats.connect(
        server.url,
        nkeys_seed=str(server.seed_file(grounds.observer)),
        inbox_prefix=inbox_prefix(grounds.observer).encode(),
    )
    try:
        yield client
    finally:
        await client.close()


async def report_unknown(grounds: Grounds, count: int) -> None:
    """Report errors of kinds that no playbook knows."""
    async with observing(grounds) as client:
        stream = client.jetstream()
        for number in range(count):
            body = {
                "source": "bench", "kind": f"bench.seeded-{number}", "target": "bench-nowhere",
                "severity": "error", "message": "nobody can mend this",
                "detected_at": datetime.now(UTC).isoformat(),
            }  # fmt: skip
            headers = {MESSAGE_ID: str(uuid4())}
            await stream.publish("error.detected", json.dumps(body).encode(), headers=headers)


async def until_quiet(grounds: Grounds) -> None:
    """Wait until errors that came before are missions: a backlog would count as lag."""
    async with observing(grounds) as client:
        manager = client.jetstream()
        async with asyncio.timeout(_QUIET_SECONDS):
            while await _backlog(manager):  # noqa: ASYNC110 - it happens in NATS
                await asyncio.sleep(_LOOK_SECONDS)


async def _backlog(manager: JetStreamContext) -> int:
    consumers = [
        consumer
        for stream in await manager.streams_info()
        for consumer in await manager.consumers_info(str(stream.config.name))
    ]
    return sum(
        (each.num_pending or 0) + (each.num_ack_pending or 0)
        for each in consumers
        if each.name.startswith(_TAKES_ERRORS_IN)
    )


class Samples:
    """Both, for the length of the block."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._lags: list[float] = []
        self._waits: list[float] = []
        self._sampling: list[asyncio.Task[None]] = []
        self._deadlocks = (0, 0)
        self._admin: Any = None
        self._observing = observing(grounds)

    async def __aenter__(self) -> Self:
        """Read the stream from now on, and look at the locks fifty times a second."""
        client = await self._observing.__aenter__()
        await client.jetstream().subscribe(
            ">", stream=_STREAM, cb=self._on_event, ordered_consumer=True,
            deliver_policy=DeliverPolicy.NEW,
        )  # fmt: skip
        self._admin = await self._grounds.installation.admin(self._grounds.database)
        self._deadlocks = (await self._admin.fetchval(_DEADLOCKS), 0)
        self._sampling = [asyncio.create_task(self._sample())]
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop looking."""
        await end_tasks(self._sampling)
        self._deadlocks = (self._deadlocks[0], await self._admin.fetchval(_DEADLOCKS))
        await self._admin.close()
        await self._observing.__aexit__(None, None, None)

    def figures(self) -> list[Figure]:
        """What was seen; BenchError where the load made no event at all, or a deadlock."""
        before, after = self._deadlocks
        if after != before:
            raise BenchError(f"{after - before} deadlocks in Postgres")
        return [
            figure("users.event_lag", "ms", self._lags),
            figure("users.lock_wait", "ms", self._waits),
        ]

    async def _on_event(self, message: Msg) -> None:
        issued = issued_at(UUID((message.headers or {})[MESSAGE_ID]))
        assert issued is not None
        # The id has whole milliseconds, cut off: an event may look early by less than one.
        self._lags.append(max(0.0, time.time() - issued.timestamp()) * 1000)

    async def _sample(self) -> None:
        while True:
            self._waits.append(float(await self._admin.fetchval(_WAITS)))
            await asyncio.sleep(_SAMPLE_SECONDS)
