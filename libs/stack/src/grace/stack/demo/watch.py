"""The watcher: a program that is not Grace's. It looks at the target and reports what it sees.

It knows the documented form of `error.detected` and the credentials of the NATS user `outside`,
as any monitoring would.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from grace.kit import Record, Transaction
from grace.stack.demo.roles import Role
from grace.stack.demo.target import DATABASE, ID, MAINTENANCE, QUERIES, Target

BLOCKED = "postgres.blocked_sessions"
RUNAWAY = "postgres.runaway_query"

_USER = "outside"
_SUBJECT = "error.detected"
_LOOK_EVERY = 0.1  # seconds
_REPORT_EVERY = 0.5  # seconds, while the fault lasts: most reports say nothing new
_IDLE_SECONDS = 1.0  # an idle transaction that others wait for is forgotten, not slow
# The shop's slowest honest statement takes a twentieth of that: busy neighbours must not look like a fault.
_LONGEST_SECONDS = 1.0
_AGAIN = 2  # one long statement is a question, the second one a pattern
_PATTERN = timedelta(seconds=10)  # if it comes within this
_PUBLISH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One thing that is wrong at the target."""

    kind: str
    message: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """A sighting that the server has stored."""

    sighting: Sighting
    detected_at: datetime
    sequence: int


class Watcher:
    """Looks at the target and reports to Grace's door for outsiders."""

    def __init__(self, look: Transaction, stream: JetStreamContext) -> None:
        """Watch through a connection to the target, report through a NATS client."""
        self.reports: list[Report] = []
        self.problem: str | None = None  # why the last report that failed was not stored
        self._look = look
        self._stream = stream
        self._long: set[tuple[str, int, datetime]] = set()
        self._next_report = 0.0

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            for sighting in await self.look():
                await self._report(sighting)
            await asyncio.sleep(_LOOK_EVERY)

    async def look(self) -> list[Sighting]:
        """What is wrong right now."""
        found = [await each() for each in self._looks]
        return [sighting for sighting in found if sighting is not None]

    @property
    def _looks(self) -> tuple[Callable[[], Awaitable[Sighting | None]], ...]:
        return (self._blocked_sessions, self._runaway_query)

    async def _blocked_sessions(self) -> Sighting | None:
        rows = await self._look.fetch(
            QUERIES["list_blockers"], database=DATABASE, idle_seconds=_IDLE_SECONDS
        )
        if not rows:
            return None
        first, waiting = rows[0], rows[0]["waiting"]
        return Sighting(
            BLOCKED,
            f"{waiting} sessions wait for {first['usename']} ({first['application_name']}), "
            f"idle in a transaction for {first['idle_s']:.1f} s",
            {"waiting": waiting, "blockers": [row["pid"] for row in rows]},
        )

    async def _runaway_query(self) -> Sighting | None:
        rows = await self._look.fetch(
            QUERIES["list_long_statements"], database=DATABASE, longest_seconds=_LONGEST_SECONDS
        )
        self._remember(rows)
        for row in rows:
            seen = sum(name == row["application_name"] for name, _, _ in self._long)
            if seen >= _AGAIN:
                return Sighting(
                    RUNAWAY,
                    f"statements of {row['usename']} ({row['application_name']}) take longer "
                    f"than {_LONGEST_SECONDS * 1000:.0f} ms, again and again",
                    {"seen": seen, "limit_ms": _LONGEST_SECONDS * 1000},
                )
        return None

    def _remember(self, rows: Sequence[Record]) -> None:
        """Keep which statements were long lately, each once."""
        self._long |= {(row["application_name"], row["pid"], row["query_start"]) for row in rows}
        since = datetime.now(UTC) - _PATTERN
        self._long = {each for each in self._long if each[2] >= since}

    async def _report(self, sighting: Sighting) -> None:
        """Publish it, unless that was done a moment ago; what is not stored is tried again."""
        now = asyncio.get_running_loop().time()
        if now < self._next_report:
            return
        detected_at = datetime.now(UTC)
        try:
            stored = await self._stream.publish(
                _SUBJECT,
                body_of(sighting, detected_at),
                timeout=_PUBLISH_SECONDS,
                headers={"Nats-Msg-Id": str(uuid.uuid4())},
            )
        except (NatsError, TimeoutError) as error:
            self.problem = str(error) or type(error).__name__
            return
        self._next_report = now + _REPORT_EVERY
        self.reports.append(Report(sighting, detected_at, stored.seq))


def body_of(sighting: Sighting, detected_at: datetime) -> bytes:
    """The JSON of an `error.detected`, as its documentation says."""
    return json.dumps(
        {
            "source": "pg-watch",
            "kind": sighting.kind,
            "target": ID,
            "message": sighting.message,
            "severity": "error",
            "detected_at": detected_at.isoformat(),
            "details": sighting.details,
        }
    ).encode()


@asynccontextmanager
async def watching(target: Target, nats_url: str, seed_file: Path) -> AsyncIterator[Watcher]:
    """A watcher that is connected on both sides; its `run` is up to the caller."""
    client = await nats.connect(
        nats_url,
        name="pg-watch",
        nkeys_seed=str(seed_file),
        inbox_prefix=f"_INBOX_{_USER}".encode(),
        max_reconnect_attempts=-1,
    )
    try:
        async with target.connected(Role.WATCH, MAINTENANCE) as connection:
            yield Watcher(Transaction(connection), client.jetstream())
    finally:
        with suppress(OSError):  # a server that is gone cannot be told
            await client.close()
