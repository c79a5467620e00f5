"""The systems of `make bench-htm`: each is started, asked for rounds, and ended; one is up at a time."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from load.apart import Apart, Grounds
from load.figures import BenchError
from load.hands import CAPABILITY
from load.machine import ROOT
from load.rows import GRACE, RAW, Rates
from load.tasks import Submitter, Turns, set_limits

from grace.stack.memory import tree_of

WORKERS = 2
BROKERED = "celery-durable"  # the one that needs a RabbitMQ
PEERS_PYTHON = ROOT / ".grace" / "peers" / "bin" / "python"
_FOLDER = Path(__file__).resolve().parent
_BATCHES = {"batch": 100, "limits-on": 100, "single": 1}
_SHARE, _LIMIT_KEY = 25, "bench-limit"
_LIMITED: Mapping[str, Mapping[str, object]] = {
    "limits-on": {"limit_key": _LIMIT_KEY, "requires": (CAPABILITY,)}
}
_LONGEST_SECONDS = 300.0
_READY_SECONDS = 60.0


class Up(Protocol):
    """A system that is up."""

    modes: Sequence[str]

    async def throughput(self, mode: str, tasks: int) -> Rates:
        """All tasks through it, checked. BenchError when one is missing."""

    async def latency(self, mode: str, tasks: int) -> Sequence[float]:
        """Milliseconds of each, fifty tasks a second, one by one."""

    def peak_rss_mb(self) -> float:
        """The most that its processes have held, without Postgres, NATS and who submits."""


@dataclass(slots=True)
class Ground:
    """What all systems stand on: the servers, and where executions are counted."""

    grounds: Grounds
    counts: Path
    rounds: int = 0
    broker: str = ""

    def executed(self) -> int:
        """What all workers of the system that is up have executed."""
        return sum(int.from_bytes(file.read_bytes(), "little") for file in self.counts.iterdir())

    def fresh(self) -> dict[str, str]:
        """Forget the counts of the last system; the variable that tells workers where they count."""
        shutil.rmtree(self.counts, ignore_errors=True)
        self.counts.mkdir(parents=True)
        self.rounds += 1
        return {"BENCH_COUNTS": str(self.counts)}


def peak_of(pids: Sequence[int]) -> float:
    """The sum of the peaks of these processes and of what descends from them, in MiB."""
    each = {pid for top in pids for pid in tree_of(top)}
    return sum(_peak_kib(pid) for pid in each) / 1024


def _peak_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    found = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(found[1]) if found else 0


class Grace:
    """identity, htm and two workers without work, as processes; signatures and events on."""

    name = GRACE

    def __init__(self, ground: Ground) -> None:
        self._ground = ground

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Up]:
        """Started and warm."""
        counted = self._ground.fresh()
        async with Apart(self._ground.grounds) as apart:
            for service in ("identity", "htm"):
                await apart.service(service)
            await set_limits(self._ground.grounds)
            names = [f"hands-{number}" for number in range(WORKERS)]
            await asyncio.gather(*(apart.hands(name, counted) for name in names))
            async with Submitter(self._ground.grounds).open() as submitter:
                turns = Turns(apart, submitter, WORKERS)
                await turns.warm_up()
                yield _GraceUp(apart, submitter, turns)


@dataclass(frozen=True, slots=True)
class _GraceUp:
    apart: Apart
    submitter: Submitter
    turns: Turns
    modes: Sequence[str] = ("batch", "single", "limits-on")

    async def throughput(self, mode: str, tasks: int) -> Rates:
        if mode in _LIMITED:
            await set_limits(self.apart.grounds, share=_SHARE, key=_LIMIT_KEY)
        more = _LIMITED.get(mode, {})
        rate = await self.turns.through(tasks, batch=_BATCHES[mode], **more)
        return Rates(rate, self.submitter.submitted_per_s)

    async def latency(self, mode: str, tasks: int) -> Sequence[float]:
        return await self.turns.latencies(tasks, **_LIMITED.get(mode, {}))

    def peak_rss_mb(self) -> float:
        return peak_of([self.apart.pid(name) for name in self.apart.names])


class Peer:
    """A program of peers/, in the peers' own environment, or one of ours in ours."""

    def __init__(self, ground: Ground, name: str, argv: Sequence[str]) -> None:
        self.name = name
        self._ground = ground
        self._argv = argv

    @asynccontextmanager
    async def up(self) -> AsyncIterator[Up]:
        """Started on a database or streams of its own, and warm."""
        environment = {**self._ground.fresh(), **await self._places()}
        async with Apart(self._ground.grounds) as apart:
            await _prepared([*self._argv, "prepare"], environment)
            names = [f"{self.name}-{number}" for number in range(WORKERS)]
            for name in names:
                await apart.child(name, [*self._argv, "worker"], environment)
            async with _client([*self._argv, "client"], environment) as client:
                up = _PeerUp(self.name, apart, client)
                await up.throughput("batch", 200)
                yield up

    async def _places(self) -> dict[str, str]:
        installation = self._ground.grounds.installation
        database = f"bench_{self.name.replace('-', '_')}_{self._ground.rounds}"
        await installation.make_database(database)
        return {
            "BENCH_DSN": installation.postgres.dsn(database),
            "BENCH_NATS": installation.nats.url,
            "BENCH_NATS_SEED": str(installation.nats.seed_file(self._ground.grounds.observer)),
            "BENCH_STREAMS": database,
            "BENCH_BROKER": self._ground.broker,
            "PYTHONPATH": str(_FOLDER.parent),
        }


@dataclass(frozen=True, slots=True)
class _PeerUp:
    name: str
    apart: Apart
    client: asyncio.subprocess.Process
    modes: Sequence[str] = ("batch", "single")

    async def throughput(self, mode: str, tasks: int) -> Rates:
        found = await self._ask("throughput", tasks, _BATCHES[mode])
        made = found["made"]
        if (found["stored"], found["succeeded"]) != (made, made) or found["executed"] < made:
            raise BenchError(f"{self.name}: of {made} tasks it has {found}")
        return Rates(found["tasks_per_s"], found["enqueue_per_s"])

    async def latency(self, mode: str, tasks: int) -> Sequence[float]:  # noqa: ARG002 - all are alike
        return list(await self._ask("latency", tasks))

    def peak_rss_mb(self) -> float:
        return peak_of([self.apart.pid(name) for name in self.apart.names])

    async def _ask(self, *request: object) -> Any:
        return await self.apart.while_alive(_answer(self.client, request), within=_LONGEST_SECONDS)


async def _prepared(argv: Sequence[str], environment: Mapping[str, str]) -> None:
    preparing = await asyncio.create_subprocess_exec(*argv, env=_own(environment))
    if code := await asyncio.wait_for(preparing.wait(), _READY_SECONDS):
        raise BenchError(f"{argv[-2]} could not be prepared ({code}): what it said is above")


def _own(environment: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **environment}


@asynccontextmanager
async def _client(
    argv: Sequence[str], environment: Mapping[str, str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    client = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=_own(environment),
        limit=4 * 1024 * 1024,
    )
    try:
        await asyncio.wait_for(_answer(client, None), _READY_SECONDS)
        yield client
    finally:
        if client.returncode is None:
            client.kill()
        await client.wait()


async def _answer(client: asyncio.subprocess.Process, request: object) -> Any:
    assert client.stdin is not None
    assert client.stdout is not None
    if request is not None:
        client.stdin.write(json.dumps(request).encode() + b"\n")
    line = await client.stdout.readline()
    if not line:
        raise BenchError("a client has ended: what it said is above")
    return json.loads(line)


def systems(ground: Ground, wanted: Sequence[str]) -> Sequence[Grace | Peer]:
    """Those that are wanted, in the order of their rows."""
    found: list[Grace | Peer] = [
        Grace(ground),
        Peer(ground, RAW, [sys.executable, "-m", "load.on_raw"]),
    ]
    for name, script in SCRIPTS.items():
        argv = [str(PEERS_PYTHON), str(_FOLDER / "peers" / script)]
        found.append(Peer(ground, name, argv))
    return [each for each in found if each.name in wanted]


SCRIPTS = {
    "dbos": "on_dbos.py",
    "procrastinate": "on_procrastinate.py",
    BROKERED: "on_celery.py",
    "taskiq-nats": "on_taskiq.py",
}
