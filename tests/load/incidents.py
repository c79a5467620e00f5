"""Incidents from `error.detected` to `verified`, on a real file that a real kernel rotates.

A log is too long; the playbook exchanges it for an empty one, a second person approves, and the
folder is measured again. The measurement looks once, so it has no window to be taken out; the time
between the question to a person and the answer is.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import nats
from load.figures import BenchError, Figure, figure
from nats.aio.client import Client
from nats.aio.msg import Msg

from grace.client import Grace
from grace.contracts.permissions import inbox_prefix
from grace.contracts.verification import MissionClosed, TimelineEntry
from grace.kit.flushing import flush
from grace.stack.demo.people import People, approve, people
from grace.stack.demo.targets_file import register
from grace.stack.installation import Installation

_USER = "outside"
_KIND, _TARGET = "bench.full_log", "bench-logs"
_BYTES = 256 * 1024
_LOOK_SECONDS = 0.03
_LONGEST_SECONDS = 30.0
_MILLISECOND = timedelta(milliseconds=1)
_PLAYBOOK = """\
playbook: bench-full-log
version: 1
description: A log is too long. It is exchanged for an empty one; the old one is kept.
trigger:
  condition: kind == "bench.full_log"
steps:
  - action:
      operation: filesystem.rotate_log
      params: {path: logs/app.log}
    measurement:
      operation: filesystem.usage
      params: {path: logs}
    expectations:
      - {field: bytes, comparison: at_most, value: 0}
"""


@dataclass(frozen=True, slots=True)
class Incidents:
    """What can go wrong again and again: a folder with a log, and the playbook that mends it."""

    files: Path
    playbooks: Path

    @classmethod
    def prepare(cls, folder: Path) -> Incidents:
        """Make both folders."""
        made = cls(folder / "target", folder / "playbooks")
        (made.files / "logs").mkdir(parents=True, exist_ok=True)
        made.playbooks.mkdir(exist_ok=True)
        (made.playbooks / "bench-full-log.yaml").write_text(_PLAYBOOK, encoding="utf-8")
        return made

    def register(self, targets_file: Path) -> None:
        """Let Grace act on the folder, and on nothing else."""
        entry = {"kind": "filesystem", "environment": "bench", "root": str(self.files)}
        register(targets_file, _TARGET, entry)

    def hurt(self) -> None:
        """Fill the log."""
        (self.files / "logs" / "app.log").write_bytes(b"x" * _BYTES)

    @property
    def is_well(self) -> bool:
        """What the file itself says."""
        return (self.files / "logs" / "app.log").stat().st_size == 0


class Reporter:
    """A monitoring of somebody's: reports over NATS and hears how missions end."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream = client.jetstream()
        self._closed: asyncio.Queue[MissionClosed] = asyncio.Queue()

    async def listen(self) -> None:
        """Hear of every end."""

        async def hear(message: Msg) -> None:
            self._closed.put_nowait(MissionClosed.from_bytes(message.data))

        await self._client.subscribe(MissionClosed.SUBJECT, cb=hear)
        await flush(self._client)

    async def report(self) -> datetime:
        """Publish one `error.detected`; the moment before."""
        at = datetime.now(UTC)
        body = {
            "source": "bench", "kind": _KIND, "target": _TARGET, "severity": "error",
            "message": "the log is too long", "detected_at": at.isoformat(),
        }  # fmt: skip
        headers = {"Nats-Msg-Id": str(uuid4())}
        await self._stream.publish("error.detected", json.dumps(body).encode(), headers=headers)
        return at

    async def closed(self) -> str:
        """The mission that ends next; BenchError when it did not end well."""
        ended = await self._closed.get()
        if ended.status != "verified":
            raise BenchError(f"mission {ended.mission_id} ended as {ended.status}: {ended.reason}")
        return ended.mission_id


@asynccontextmanager
async def _reporter(root: Path) -> AsyncIterator[Reporter]:
    """Connected as the user `outside` of that installation."""
    server = Installation(root).nats
    port = (root / "nats" / "client.port").read_text(encoding="ascii").strip()
    client = await nats.connect(
        f"nats://127.0.0.1:{port}",
        nkeys_seed=str(server.seed_file(_USER)),
        inbox_prefix=inbox_prefix(_USER).encode(),
    )
    try:
        reporter = Reporter(client)
        await reporter.listen()
        yield reporter
    finally:
        await client.close()


async def heal(
    url: str, root: Path, incidents: Incidents, count: int, *, check: Callable[[], None]
) -> list[Figure]:
    """One incident after the other; BenchError for one that is not healed."""
    token = (root / "admin.key").read_text(encoding="ascii").strip()
    times: list[Times] = []
    async with people(url, token) as cast, _reporter(root) as reporter:
        begun = time.monotonic()
        for _ in range(count):
            check()
            async with asyncio.timeout(_LONGEST_SECONDS):
                times.append(await _one(cast, reporter, incidents))
        minutes = (time.monotonic() - begun) / 60
    return [
        figure("incident.healed", "ms", [each.healed for each in times]),
        figure("incident.reported_to_asked", "ms", [each.asked for each in times]),
        figure("incident.approved_to_verified", "ms", [each.verified for each in times]),
        figure("incident.verified_rate", "actions/min", [count / minutes]),
    ]


@dataclass(frozen=True, slots=True)
class Times:
    """Milliseconds of one incident; `healed` is without the time that a person took."""

    healed: float
    asked: float
    verified: float


async def _one(cast: People, reporter: Reporter, incidents: Incidents) -> Times:
    incidents.hurt()
    reported = await reporter.report()
    closing = asyncio.ensure_future(reporter.closed())
    try:
        await _decide(cast.approver, closing)
        mission_id = await closing
    finally:
        closing.cancel()
    if not incidents.is_well:
        raise BenchError(f"mission {mission_id} is verified, but the log is not empty")
    return times_of(reported, await cast.admin.timeline(mission_id))


async def _decide(approver: Grace, closing: asyncio.Future[str]) -> None:
    """Approve what is asked; a mission may also end without a question."""
    while not closing.done():
        for waiting in (await approver.approvals(status="pending")).items:
            await approve(approver, waiting.approval_id)
            return
        await asyncio.wait([closing], timeout=_LOOK_SECONDS)


def times_of(reported: datetime, steps: Sequence[TimelineEntry]) -> Times:
    """What the mission's own timeline says."""
    at = {step.subject: step.at for step in steps}
    if not at.keys() >= {"approval.granted", "verification.action.closed"}:
        raise BenchError(f"the timeline of a mission has only {', '.join(at)}")
    closed = at["verification.action.closed"]
    asked = at.get("approval.requested", at["approval.granted"])
    granted = at["approval.granted"]
    waited = granted - asked
    return Times(
        healed=(closed - reported - waited) / _MILLISECOND,
        asked=(asked - reported) / _MILLISECOND,
        verified=(closed - granted) / _MILLISECOND,
    )
