"""`grace up` as a person starts it: how long it takes, how much memory, how fast it heals."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from load.apart import started
from load.figures import BenchError, Figure, figure
from load.incidents import Incidents, heal
from load.sizes import Sizes

from grace.stack.installation import Installation
from grace.stack.memory import Memory, memory_of
from grace.stack.ports import free_port
from grace.stack.postgres import PostgresServer
from grace.stack.processes import Child

_STOP_SECONDS = 30.0
_PLAYBOOKS = "GRACE_INTENT_PLAYBOOK_DIR"


@dataclass(frozen=True, slots=True)
class Up:
    """A house that is up, as a process."""

    child: Child
    root: Path
    url: str
    seconds: float


@asynccontextmanager
async def up(root: Path, playbooks: Path) -> AsyncIterator[Up]:
    """Run `grace up` on a folder; the seconds are from its start to the gateway's ready."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    child = Child(
        "grace up",
        [str(Path(sys.executable).with_name("grace")), "up",
         "--data-dir", str(root), "--port", str(port)],
        log=root.with_suffix(".log"),
        environment={"PATH": os.environ["PATH"], _PLAYBOOKS: str(playbooks)},
    )  # fmt: skip
    try:
        seconds = await started(child, f"{url}/health/ready")
        await _has_told(child, root)
        yield Up(child, root, url, seconds)
    finally:
        await asyncio.to_thread(child.stop, signal.SIGINT, within=_STOP_SECONDS)


async def _has_told(child: Child, root: Path) -> None:
    """The file for `grace doctor` comes last: then everything has started."""
    async with asyncio.timeout(_STOP_SECONDS):
        while not (root / "up.json").is_file():
            check_runs(child)
            await asyncio.sleep(0.005)


def check_runs(child: Child) -> None:
    """BenchError when it has ended by itself."""
    if not child.running:
        raise BenchError(f"{child.name} has ended: read {child.log}")


async def measure(folder: Path, sizes: Sizes) -> list[Figure]:
    """Starts on new folders and on used ones; memory and incidents on the last."""
    folder.mkdir(parents=True, exist_ok=True)
    incidents, root = Incidents.prepare(folder), folder / "house"
    cold, warm, found = [], [], list[Figure]()
    try:
        for number in range(sizes.starts):
            remove(root)
            async with up(root, incidents.playbooks) as first:
                cold.append(first.seconds)
            async with up(root, incidents.playbooks) as again:
                warm.append(again.seconds)
                if number == sizes.starts - 1:
                    found = [*_memory(again), *await _incidents(again, incidents, sizes)]
    finally:
        remove(root)
    return [figure("start.house.cold", "s", cold), figure("start.house.warm", "s", warm), *found]


async def _incidents(house: Up, incidents: Incidents, sizes: Sizes) -> list[Figure]:
    incidents.register(Installation(house.root).targets_file)
    return await heal(
        house.url, house.root, incidents, sizes.incidents, check=partial(check_runs, house.child)
    )


def _memory(house: Up) -> list[Figure]:
    """PSS of the house's three parts; Grace without its children, which are the servers."""
    state = json.loads((house.root / "up.json").read_text(encoding="utf-8"))
    parts = {
        "grace": memory_of(state["pid"], alone=True),
        "nats": memory_of(state["nats_pid"]),
        "postgres": memory_of(state["postgres_pid"]),
    }
    unit = f"MiB {sum(parts.values(), start=Memory()).measure}"
    total = sum(part.mib for part in parts.values())
    found = [figure(f"memory.house.{name}", unit, [part.mib]) for name, part in parts.items()]
    return [*found, figure("memory.house.total", unit, [total])]


def remove(root: Path) -> None:
    """Delete a data directory with its cluster, which may lie elsewhere."""
    if root.exists():
        PostgresServer(root).remove()
        shutil.rmtree(root)
