"""`make bench-htm`: Grace's scheduler beside its peers, on the same servers, with the same work."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from load import claims, rabbit
from load.apart import Grounds, own_grounds
from load.bench import clear
from load.beside import show
from load.claims import Claims, Depth
from load.figures import BenchError
from load.machine import ROOT, commit, machine, server_settings, versions
from load.rows import GRACE, RAW, Bar, Row, Run, bars_of, row_of
from load.systems import BROKERED, SCRIPTS, WORKERS, Grace, Ground, Peer, Up, systems
from nats.errors import Error as NatsError
from rich.console import Console

from grace.kit import GraceError, logs
from grace.stack.datadir import DataDir
from grace.stack.errors import StackError

SYSTEMS = (GRACE, RAW, *SCRIPTS)
RESULTS = "htm.json"
_FAILURES = (BenchError, StackError, GraceError, NatsError, OSError, TimeoutError,
             asyncpg.PostgresError, asyncpg.InterfaceError)  # fmt: skip
_WIDTH = 140


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured; the full form has three rounds, so that a median means something."""

    form: str
    rounds: int
    tasks: int
    paced: int  # one by one, fifty a second, to see how long one takes
    depth: Depth  # what waits and has ended while claims are measured


FULL = Size("full", 3, 10_000, 300, Depth(1_000_000, 10_000_000, 300))
SHORT = Size("short", 1, 2_000, 100, Depth(2_000, 10_000, 100))


@dataclass(slots=True)
class Report:
    """What is written to htm.json."""

    form: str
    tasks: int
    workers: int = WORKERS
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    ok: bool = False
    reason: str = ""
    seconds: float = 0.0
    commit: str | None = field(default_factory=commit)
    machine: dict[str, Any] = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=versions)
    servers: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    claims: Claims | None = None
    bars: list[Bar] = field(default_factory=list)


async def measure(
    size: Size, wanted: Sequence[str], folder: Path, report: Report,
    servers: AbstractAsyncContextManager[Grounds] | None = None,
) -> None:  # fmt: skip
    """Every system in turn, round after round; a system's rows count when all of it went well."""
    if rabbit.server() is None and BROKERED in wanted:
        report.skipped[BROKERED] = rabbit.MISSING
    runs: defaultdict[tuple[str, str], list[Run]] = defaultdict(list)
    servers = servers or own_grounds(folder / "apart")
    async with _ground(servers, folder, brokered=BROKERED in wanted) as ground:
        grounds = ground.grounds
        report.servers = await server_settings(grounds.installation, grounds.database)
        chosen = systems(ground, [name for name in wanted if name not in report.skipped])
        for _ in range(size.rounds):
            for system in chosen:
                for mode, run in (await _round(ground, system, size)).items():
                    runs[system.name, mode].append(run)
        if GRACE in wanted:
            report.claims = await claims.measure(grounds, size.depth)
    report.rows = [row_of(*key, found) for key, found in sorted(runs.items(), key=_order)]


@asynccontextmanager
async def _ground(
    servers: AbstractAsyncContextManager[Grounds], folder: Path, *, brokered: bool
) -> AsyncIterator[Ground]:
    broker = rabbit.running(folder / "rabbit") if brokered else nullcontext("")
    async with servers as grounds, broker as url:
        yield Ground(grounds, folder / "counts", broker=url)


async def _round(ground: Ground, system: Grace | Peer, size: Size) -> dict[str, Run]:
    """All modes of one system, which is up for as long as this takes."""
    async with system.up() as up:
        return {mode: await _run(ground, up, mode, size) for mode in up.modes}


async def _run(ground: Ground, up: Up, mode: str, size: Size) -> Run:
    before = ground.executed()
    rates = await up.throughput(mode, size.tasks)
    executions = (ground.executed() - before) / size.tasks
    latencies = await up.latency(mode, size.paced)
    return Run(rates, latencies, up.peak_rss_mb(), executions)


def _order(item: tuple[tuple[str, str], object]) -> tuple[int, str]:
    system, mode = item[0]
    return SYSTEMS.index(system), mode


async def run(
    size: Size, wanted: Sequence[str], out: Path, console: Console,
    servers: AbstractAsyncContextManager[Grounds] | None = None,
) -> int:  # fmt: skip
    """Measure, show, write htm.json; 0 only where everything that was asked for was measured.

    Without `servers` it is measured on servers of the run's own.
    """
    file, folder = out / RESULTS, out / "htm"
    with DataDir(out):
        file.unlink(missing_ok=True)
        clear(folder)
        folder.mkdir(mode=0o711)
        report, begun = Report(size.form, size.tasks), time.monotonic()
        try:
            await measure(size, wanted, folder, report, servers)
        except _FAILURES as failure:
            report.reason = str(failure) or repr(failure)
        else:
            report.ok = True
            # One round says nothing about a bar.
            report.bars = list(bars_of(report.rows, report.claims)) if size.rounds > 1 else []
            clear(folder)
        report.seconds = round(time.monotonic() - begun, 1)
        file.write_text(json.dumps(asdict(report), indent=2), encoding="utf-8")
        show(console, report, file)
        return 0 if report.ok else 1


def main() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="make bench-htm", description=__doc__)
    parser.add_argument("--short", action="store_true", help="one round of 2,000 tasks")
    parser.add_argument("--only", nargs="+", choices=SYSTEMS, default=SYSTEMS, metavar="SYSTEM",
                        help=f"only these systems: {', '.join(SYSTEMS)}")  # fmt: skip
    parser.add_argument("--out", type=Path, default=ROOT / ".grace" / "bench",
                        help="the folder for htm.json and, while it runs, all data")  # fmt: skip
    given = parser.parse_args()
    given.out.mkdir(mode=0o711, parents=True, exist_ok=True)
    logs.configure("warning", given.out / "htm.log")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        size = SHORT if given.short else FULL
        return uvloop.run(run(size, given.only, given.out.absolute(), console))
    except StackError as error:
        console.print(str(error), style="bold red", soft_wrap=True)
        return 1


if __name__ == "__main__":
    sys.exit(main())
