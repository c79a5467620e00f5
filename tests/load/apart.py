"""Services and programs as processes of their own; one that ends leaves no figure behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from load.figures import BenchError

from grace.kit import ServiceSettings, end_tasks
from grace.stack.installation import DATABASE, Installation
from grace.stack.nats import UserPermissions
from grace.stack.ports import free_port
from grace.stack.processes import Child, last_lines

T = TypeVar("T")

OBSERVER = "bench"
_SPARE = "bench_spare"
_TESTS = Path(__file__).resolve().parents[1]
_READY_SECONDS = 60.0
_LOOK_SECONDS = 0.1
_PROBE_SECONDS = 0.01  # finer would slow down the start that is measured
_STOP_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class Grounds:
    """Servers that run, the database to use, a NATS user who may see everything, a folder for logs.

    `child` starts processes; what is forked takes its start and its memory from another one. `spare` is a
    second database that nobody has used.
    """

    installation: Installation
    database: str
    observer: str
    folder: Path
    child: type[Child] = Child
    spare: str = ""


@asynccontextmanager
async def own_grounds(root: Path, child: type[Child] = Child) -> AsyncIterator[Grounds]:
    """Servers of the bench's own, with the settings that `grace up` gives them."""
    everything = UserPermissions((">",), (">",), allow_responses=False)
    installation = Installation(root, more_users={OBSERVER: everything})
    (root / "logs").mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        await asyncio.to_thread(installation.start_servers)
        await installation.prepare()
        # Before anybody connects it is copied, which takes a tenth of the time of migrations.
        await installation.make_database(_SPARE, template=DATABASE)
        yield Grounds(installation, DATABASE, OBSERVER, root / "logs", child, _SPARE)
    finally:
        await asyncio.to_thread(installation.nats.stop)
        await asyncio.to_thread(installation.postgres.remove)


class Apart:
    """Processes by their names. Nothing restarts what has ended."""

    def __init__(self, grounds: Grounds) -> None:
        self.grounds = grounds
        self._children: dict[str, Child] = {}
        self._made: list[Child] = []

    async def __aenter__(self) -> Self:
        """Nothing runs yet."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """End all, what was still starting, too; identity, which has the others' keys, last."""
        await self.stop(*[name for name in self._children if name != "identity"])
        await self.stop(*self._children)
        await _end([child for child in self._made if child.running])

    async def service(
        self, name: str, changes: Mapping[str, object] | None = None, *, alias: str = ""
    ) -> float:
        """Start a service; the seconds from its start to ready."""
        own = self.grounds.installation.environment(name, self.grounds.database)
        prefix = f"GRACE_{name.upper()}_"
        changed = {
            f"{prefix}{field.upper()}": str(value) for field, value in (changes or {}).items()
        }
        return await self._ready(alias or name, f"grace.{name}", {**own, **changed}, prefix)

    async def hands(self, name: str, environment: Mapping[str, str] | None = None) -> float:
        """Start a program of ours that acts as a worker; the seconds from its start to ready."""
        values = self.grounds.installation.settings("worker", self.grounds.database)
        own = {
            f"GRACE_KIT_{field.upper()}": str(value)
            for field, value in values.items()
            if field in ServiceSettings.model_fields
        }
        return await self._ready(name, "load.hands", {**own, **(environment or {})}, "GRACE_KIT_")

    async def program(
        self, name: str, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start a program of the bench, without waiting for anything."""
        await self.child(name, [sys.executable, "-m", module, *arguments], environment or {})

    async def child(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start any program, without waiting for anything."""
        child = self._described(name, argv, environment)
        await asyncio.to_thread(child.start)
        self._children[name] = child

    async def ended(self, name: str, *, within: float) -> None:
        """Wait until a program has done its work; BenchError when another ends or it takes longer."""
        child = self._children.pop(name)
        deadline = time.monotonic() + within
        while child.running:
            self.check()
            if time.monotonic() > deadline:
                raise BenchError(f"{name} has not ended within {within:.0f} s: read {child.log}")
            await asyncio.sleep(_LOOK_SECONDS)
        self.check()

    def pid(self, name: str) -> int:
        """The process id; StackError when it does not run."""
        return self._children[name].pid

    @property
    def names(self) -> Sequence[str]:
        """What was started and not stopped."""
        return list(self._children)

    def check(self) -> None:
        """BenchError when something has ended by itself."""
        for name, child in self._children.items():
            if not child.running:
                raise BenchError(f"{name} has ended: read {child.log}")

    async def while_alive(self, work: Coroutine[Any, Any, T], *, within: float) -> T:
        """The result of the work, if everything lives until it is there."""
        working = asyncio.ensure_future(work)
        deadline = time.monotonic() + within
        try:
            while not (await asyncio.wait({working}, timeout=_LOOK_SECONDS))[0]:
                self.check()
                if time.monotonic() > deadline:
                    raise BenchError(f"not done within {within:.0f} s")
            self.check()
            return working.result()
        finally:
            await end_tasks([working])

    async def stop(self, *names: str) -> None:
        """End these politely, all at once."""
        await _end([self._children.pop(name) for name in names])

    async def _ready(
        self, name: str, module: str, environment: Mapping[str, str], prefix: str
    ) -> float:
        port = free_port()
        child = self._described(
            name,
            [sys.executable, "-m", module],
            {**environment, f"{prefix}OPS_PORT": str(port)},
        )
        seconds = await started(child, f"http://127.0.0.1:{port}/health/ready")
        self._children[name] = child
        return seconds

    def _described(self, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> Child:
        child = self.grounds.child(
            name,
            argv,
            log=self.grounds.folder / f"{name}.log",
            environment={"PATH": os.environ["PATH"], "PYTHONPATH": str(_TESTS), **environment},
        )
        self._made.append(child)
        return child


async def _end(children: Sequence[Child]) -> None:
    ending = (asyncio.to_thread(c.stop, signal.SIGTERM, within=_STOP_SECONDS) for c in children)
    await asyncio.gather(*ending)


async def started(child: Child, url: str) -> float:
    """Start a process; the seconds until its readiness probe says 200. BenchError when it ends."""
    begun = time.monotonic()
    await asyncio.to_thread(child.start)
    while not await asyncio.to_thread(answers, url):
        if not child.running:
            raise BenchError(f"{child.name} ended at its start: {last_lines(child.log)}")
        if time.monotonic() > begun + _READY_SECONDS:
            raise BenchError(f"{child.name} is not ready after {_READY_SECONDS:.0f} s: {child.log}")
        await asyncio.sleep(_PROBE_SECONDS)
    return time.monotonic() - begun


def answers(url: str) -> bool:
    """Whether a probe of ours is answered with 200."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (OSError, urllib.error.HTTPError):
        return False
