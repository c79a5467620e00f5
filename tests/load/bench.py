"""The parts of the bench in their order, and what is kept of a run."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
from load import house, rest, tasks
from load.apart import Apart, Grounds, own_grounds
from load.figures import BenchError, Figure, figure, graded
from load.machine import commit, machine, server_settings, versions
from load.sizes import Sizes
from load.table import show
from nats.errors import Error as NatsError
from rich.console import Console

from grace.client import GraceClientError
from grace.kit import GraceError
from grace.stack.datadir import DataDir
from grace.stack.errors import StackError
from grace.stack.memory import memory_of
from grace.stack.ports import free_port

PARTS = ("house", "tasks", "kernel", "services", "accept", "users")
RESULTS = "bench.json"
# These run before the other services: they take verification's and the worker's place.
_QUEUE = ("identity", "htm")
_FAILURES = (
    BenchError, StackError, GraceError, GraceClientError, NatsError, OSError, TimeoutError,
    asyncpg.PostgresError, asyncpg.InterfaceError,
)  # fmt: skip
OnApart = Callable[[Apart], Awaitable[None]]


@dataclass(slots=True)
class Results:
    """What is written to bench.json."""

    form: str
    parts: Sequence[str]
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    ok: bool = False
    reason: str = ""
    seconds: float = 0.0
    seed: int = rest.SEED
    commit: str | None = field(default_factory=commit)
    machine: dict[str, Any] = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=versions)
    servers: dict[str, str] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As JSON has it: the figures, and the goals that they are held against."""
        goals = list(graded({each.name: each for each in self.figures}))
        return {**asdict(self), "goals": goals}


@dataclass(slots=True)
class Bench:
    """One run. `grounds` are servers that run already; `on_apart` is told when services are up."""

    sizes: Sizes
    parts: Sequence[str]
    folder: Path
    results: Results
    console: Console
    grounds: AbstractAsyncContextManager[Grounds] | None = None
    on_apart: OnApart | None = None

    async def measure(self) -> None:
        """Every part in turn; the figures of a part count when all of it went well."""
        if "house" in self.parts:
            self.console.print("starting and hurting a whole house", style="dim")
            self.results.figures += await house.measure(self.folder / "house", self.sizes)
        if set(self.parts) - {"house"}:
            async with self.grounds or own_grounds(self.folder / "apart") as grounds:
                self.results.servers = await server_settings(grounds.installation, grounds.database)
                async with Apart(grounds) as apart:
                    await self._apart(apart)

    async def _apart(self, apart: Apart) -> None:
        await self._start(apart, _QUEUE)
        if "tasks" in self.parts:
            self.console.print("tasks through htm and raw Postgres, in turns", style="dim")
            self.results.figures += await tasks.measure(apart, self.sizes)
        if "kernel" in self.parts:
            self.console.print("tasks through the worker", style="dim")
            self.results.figures += await tasks.measure_kernel(apart, self.sizes)
        if {"services", "accept", "users"} & set(self.parts):
            await self._doors(apart)

    async def _doors(self, apart: Apart) -> None:
        port = free_port()
        others = [n for n in apart.grounds.installation.names if n not in _QUEUE]
        await self._start(apart, others, gateway={**rest.NO_LIMITS, "port": port})
        door = rest.door_of(apart, port)
        for name, part in (("accept", rest.accept), ("users", rest.users)):
            if name in self.parts:
                self.console.print(f"REST: {name}", style="dim")
                found, details = await part(apart, door, self.sizes)
                self.results.figures += found
                self.results.details[name] = details

    async def _start(
        self, apart: Apart, names: Sequence[str], **changes: dict[str, object]
    ) -> None:
        """Start services one after the other; their start-up times and memory are figures, too."""
        found = []
        for name in names:
            seconds = await apart.service(name, changes.get(name))
            memory = memory_of(apart.pid(name))
            found.append(figure(f"start.service.{name}", "s", [seconds]))
            found.append(figure(f"memory.service.{name}", f"MiB {memory.measure}", [memory.mib]))
        if self.on_apart is not None:
            await self.on_apart(apart)
        apart.check()
        if "services" in self.parts:
            self.results.figures += found


async def run(
    sizes: Sizes, parts: Sequence[str], out: Path, console: Console,
    *, grounds: AbstractAsyncContextManager[Grounds] | None = None, on_apart: OnApart | None = None,
) -> int:  # fmt: skip
    """Measure, show, write `bench.json`. Returns 0 only where everything was measured.

    StackError when another run uses the folder.
    """
    with DataDir(out):
        return await _run(Bench(sizes, parts, out / "data", Results(sizes.form, list(parts)), console,
                                grounds, on_apart), out / RESULTS)  # fmt: skip


async def _run(bench: Bench, file: Path) -> int:
    file.unlink(missing_ok=True)
    clear(bench.folder)
    bench.folder.mkdir(mode=0o711)
    results, begun = bench.results, time.monotonic()
    try:
        await bench.measure()
    except _FAILURES as failure:
        results.reason = str(failure) or repr(failure)
    else:
        results.ok = True
        clear(bench.folder)
    results.seconds = round(time.monotonic() - begun, 1)
    file.write_text(json.dumps(results.document(), indent=2), encoding="utf-8")
    show(bench.console, results, file)
    return 0 if results.ok else 1


def clear(folder: Path) -> None:
    """Delete what a run has left, an ended one as well as a killed one."""
    for root in (folder / "house" / "house", folder / "apart"):
        house.remove(root)
    shutil.rmtree(folder, ignore_errors=True)
