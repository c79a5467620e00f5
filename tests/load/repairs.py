"""Reports errors as a monitoring outside would, and hears how each repair ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from load.apart import Grounds
from load.figures import BenchError
from load.observer import observing
from nats.aio.client import Client
from nats.aio.msg import Msg

from grace.contracts.intent import ErrorCaptured
from grace.contracts.verification import ActionClosed, MissionClosed
from grace.kit.envelope import MESSAGE_ID
from grace.kit.flushing import flush

_KIND = "postgres.autovacuum_off"
# Its playbook waits for a person, so that no repair ends the mission while the storm goes on.
_STORM_KIND = "postgres.runaway_query"
_LOOK_SECONDS = 0.05
_STORM_IN_FLIGHT = 500
_COUNTED = """
    SELECT count(*) AS missions, coalesce(sum(signal_count), 0)::bigint AS signals
      FROM intent.missions WHERE target = $1 AND captured_at >= $2
"""


@dataclass(slots=True)
class Repair:
    """One reported error and its verdict, with moments of this process's monotonic clock."""

    target: str
    reported_at: float
    ended_at: float | None = None
    verdict: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def milliseconds(self) -> float:
        """From just before it was published until its verdict was heard."""
        if self.ended_at is None:
            raise BenchError(f"the repair of {self.target} has not ended")
        return (self.ended_at - self.reported_at) * 1000


class Repairs:
    """Publishes `error.detected`; at most one repair of a target is under way."""

    def __init__(self, client: Client, eyes: asyncpg.Connection[asyncpg.Record]) -> None:
        self._client = client
        self._stream = client.jetstream()
        self._eyes = eyes
        self._open: dict[str, Repair] = {}
        self._targets: dict[str, str] = {}  # by mission

    async def listen(self) -> None:
        """Hear every verdict, and every mission that ends without one."""
        await self._client.subscribe(ErrorCaptured.SUBJECT, cb=self._hear_captured)
        await self._client.subscribe(ActionClosed.SUBJECT, cb=self._hear_verdict)
        await self._client.subscribe(MissionClosed.SUBJECT, cb=self._hear_end)
        await flush(self._client)

    async def begin(self, target: str) -> Repair:
        """Report that a target is ill; back when the report is stored."""
        repair = self._open[target] = Repair(target, time.monotonic())
        await self._publish(_KIND, target)
        return repair

    async def storm(self, target: str, count: int) -> int:
        """Report the same error again and again; how many missions came of it."""
        since, left = datetime.now(UTC), asyncio.Semaphore(_STORM_IN_FLIGHT)

        async def one() -> None:
            async with left:
                await self._publish(_STORM_KIND, target)

        await asyncio.gather(*(one() for _ in range(count)))
        while True:
            row = await self._eyes.fetchrow(_COUNTED, target, since)
            if row is None or row["signals"] > count:
                raise BenchError(f"{row} counted of {count} errors")
            if row["signals"] == count:
                return int(row["missions"])
            await asyncio.sleep(_LOOK_SECONDS)

    async def _publish(self, kind: str, target: str) -> None:
        body = {
            "source": "bench", "kind": kind, "target": target, "severity": "error",
            "message": "autovacuum is off", "detected_at": datetime.now(UTC).isoformat(),
        }  # fmt: skip
        headers = {MESSAGE_ID: str(uuid4())}
        await self._stream.publish("error.detected", json.dumps(body).encode(), headers=headers)

    async def _hear_captured(self, message: Msg) -> None:
        captured = ErrorCaptured.from_bytes(message.data)
        self._targets[captured.mission_id] = captured.target or ""

    async def _hear_verdict(self, message: Msg) -> None:
        closed = ActionClosed.from_bytes(message.data)
        if (repair := self._open.get(closed.target)) is not None:
            repair.ended_at, repair.verdict = time.monotonic(), closed.verdict

    async def _hear_end(self, message: Msg) -> None:
        """Only now may the target be ill again: what comes before counts on the same mission."""
        closed = MissionClosed.from_bytes(message.data)
        repair = self._open.pop(self._targets.pop(closed.mission_id, ""), None)
        if repair is None:
            return
        if repair.ended_at is None:  # it may have ended without any action
            repair.ended_at, repair.verdict = time.monotonic(), closed.status
        repair.ended.set()


@asynccontextmanager
async def reporting(grounds: Grounds) -> AsyncIterator[Repairs]:
    """A client that may publish and see everything, and one who looks into intent's table."""
    eyes = await grounds.installation.admin(grounds.database)
    try:
        async with observing(grounds) as client:
            repairs = Repairs(client, eyes)
            await repairs.listen()
            yield repairs
    finally:
        await eyes.close()
