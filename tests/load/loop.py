"""`make bench-loop`: how many real repairs a second go through the whole loop, each one verified.

From `error.detected` to the verdict of `verification.action.closed`, as a publisher outside sees
both. The target is a Postgres with a registered target for each of its tables; every service is a
process of its own. A repair counts when the catalogue of the target itself says so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import uvloop
from load import rest
from load.apart import Apart, Grounds, own_grounds
from load.bench import clear
from load.cpu import cpu_of
from load.figures import BenchError, percentile
from load.machine import ROOT, commit, machine, server_settings, versions
from load.repairs import Repair, Repairs, reporting
from load.tables import Tables, tables
from nats.errors import Error as NatsError
from rich.console import Console

from grace.kit import GraceError, logs
from grace.stack.datadir import DataDir
from grace.stack.errors import StackError
from grace.stack.ports import free_port

RESULTS = "loop.json"
BARS: Mapping[str, tuple[str, float]] = {
    "verified_per_s": ("at least", 100.0),
    "p50_ms": ("below", 150.0),
    "p99_ms": ("below", 500.0),
    "errors": ("at most", 0.0),
    "storm_missions": ("at most", 1.0),
}
# The order in which they can start without waiting for each other.
_SERVICES = ("identity", "htm", "governance", "knowledge", "learning", "observability",
             "verification", "intent", "worker", "gateway")  # fmt: skip
_FAILURES = (BenchError, StackError, GraceError, NatsError, OSError, TimeoutError,
             asyncpg.PostgresError, asyncpg.InterfaceError)  # fmt: skip
_WIDTH = 140
_LONGEST_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    form: str
    targets: int
    rate: float  # errors a second, whatever comes back
    seconds: float
    warm_up: int
    storm: int


FULL = Size("full", 500, 100.0, 30.0, 100, 10_000)
SHORT = Size("short", 50, 20.0, 3.0, 10, 1_000)
TINY = Size("tiny", 3, 5.0, 1.0, 1, 20)


@dataclass(slots=True)
class Report:
    """What is written to loop.json; the measured values are None until they are."""

    form: str
    targets: int
    offered_per_s: float
    started_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    ok: bool = False
    reason: str = ""
    seconds: float = 0.0
    commit: str | None = field(default_factory=commit)
    machine: dict[str, Any] = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=versions)
    servers: dict[str, str] = field(default_factory=dict)
    verified: int | None = None
    verified_per_s: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    errors: int | None = None
    cpu_ms_per_repair: dict[str, float] = field(default_factory=dict)
    storm_missions: int | None = None
    storm_s: float | None = None
    bars: dict[str, bool] = field(default_factory=dict)


async def measure(
    size: Size, folder: Path, report: Report, console: Console,
    servers: AbstractAsyncContextManager[Grounds] | None = None,
) -> None:  # fmt: skip
    """Start everything, repair one after the other for a while, then let a storm come."""
    async with servers or own_grounds(folder / "apart") as grounds:
        installation = grounds.installation
        report.servers = await server_settings(installation, grounds.database)
        estate = tables(folder / "estate", size.targets, installation.targets_file)
        async with estate as targets, Apart(grounds) as apart:
            await _start(apart)
            async with reporting(grounds) as repairs:
                console.print("repairs", style="dim")
                await apart.while_alive(_warm_up(repairs, targets, size), within=_LONGEST_SECONDS)
                before = cpu_of(apart)
                repairing = _repair(repairs, targets, size, report)
                await apart.while_alive(repairing, within=_LONGEST_SECONDS)
                report.cpu_ms_per_repair = _each(before, cpu_of(apart), report.verified)
                console.print("a storm of equal errors", style="dim")
                await apart.while_alive(
                    _storm(repairs, targets, size, report), within=_LONGEST_SECONDS
                )


async def _start(apart: Apart) -> None:
    port = {"port": free_port()}
    changes = {
        "gateway": {**rest.NO_LIMITS, **port},
        "worker": {"slots": 32},
        # Nobody is there to be asked, however often a long run comes round to a table.
        "governance": {"target_budget": 100_000},
    }
    for name in _SERVICES:
        await apart.service(name, changes.get(name))


async def _warm_up(repairs: Repairs, targets: Tables, size: Size) -> None:
    await _ended([await repairs.begin(name) for name in targets.names[: size.warm_up]], targets)


def _each(
    before: Mapping[str, float], after: Mapping[str, float], repairs: int | None
) -> dict[str, float]:
    """Milliseconds of processor time for one repair, the most expensive part first."""
    spent = {name: (after[name] - before[name]) * 1000 / max(1, repairs or 0) for name in before}
    return {name: round(spent[name], 1) for name in sorted(spent, key=lambda n: -spent[n])}


async def _repair(repairs: Repairs, targets: Tables, size: Size, report: Report) -> None:
    """Report errors at a fixed pace; what comes back late makes no room for itself."""
    begun = time.monotonic()
    ordered = await _paced(repairs, targets, size, begun)
    well = await _ended(ordered, targets)
    took = max(repair.ended_at or begun for repair in ordered) - begun
    _fill(report, ordered, well, took)


async def _paced(repairs: Repairs, targets: Tables, size: Size, begun: float) -> list[Repair]:
    """As many errors a second as were ordered, each on a target that is not being repaired."""
    last: dict[str, Repair] = {}
    made: list[Repair] = []
    for number in range(int(size.rate * size.seconds)):
        await asyncio.sleep(begun + number / size.rate - time.monotonic())
        name = targets.names[(size.warm_up + number) % len(targets.names)]
        if (before := last.get(name)) is not None:
            await before.ended.wait()
            await _check(before, targets)
        await targets.hurt(name)
        last[name] = await repairs.begin(name)
        made.append(last[name])
    return made


async def _ended(ordered: Sequence[Repair], targets: Tables) -> int:
    """Wait for all; how many are verified, and well by the target's own catalogue."""
    for repair in ordered:
        await repair.ended.wait()
    for repair in {repair.target: repair for repair in ordered}.values():
        await _check(repair, targets)
    return sum(repair.verdict == "verified" for repair in ordered)


async def _check(repair: Repair, targets: Tables) -> None:
    """BenchError for a verdict that the target contradicts; to be asked before it is hurt again."""
    if repair.verdict == "verified" and not await targets.is_well(repair.target):
        raise BenchError(f"{repair.target} is verified, but its catalogue says otherwise")


def _fill(report: Report, ordered: Sequence[Repair], well: int, took: float) -> None:
    times = sorted(repair.milliseconds for repair in ordered)
    report.verified, report.errors = well, len(ordered) - well
    report.verified_per_s = round(well / took, 1)
    report.p50_ms, report.p95_ms, report.p99_ms = (
        round(percentile(times, share), 1) for share in (0.5, 0.95, 0.99)
    )


async def _storm(repairs: Repairs, targets: Tables, size: Size, report: Report) -> None:
    """Equal errors as fast as they can be published, until each is counted on its mission."""
    name = targets.names[0]
    await targets.hurt(name)
    begun = time.monotonic()
    report.storm_missions = await repairs.storm(name, size.storm)
    report.storm_s = round(time.monotonic() - begun, 2)


def bars_of(report: Report) -> dict[str, bool]:
    """Which bars hold; a value that was not measured holds none."""
    held = {}
    for name, (kind, bar) in BARS.items():
        value = getattr(report, name)
        above = value is not None and (value >= bar if kind == "at least" else value <= bar)
        held[name] = above and not (kind == "below" and value == bar)
    return held


async def run(
    size: Size, out: Path, console: Console,
    servers: AbstractAsyncContextManager[Grounds] | None = None,
) -> int:  # fmt: skip
    """Measure, show, write loop.json; 0 only where everything was measured.

    Without `servers` it is measured on servers of the run's own.
    """
    file, folder = out / RESULTS, out / "loop"
    with DataDir(out):
        file.unlink(missing_ok=True)
        clear(folder)
        folder.mkdir(mode=0o711)
        report, begun = Report(size.form, size.targets, size.rate), time.monotonic()
        try:
            await measure(size, folder, report, console, servers)
        except _FAILURES as failure:
            report.reason = str(failure) or repr(failure)
        else:
            report.ok = True
            report.bars = bars_of(report) if size is FULL else {}
            clear(folder)
        report.seconds = round(time.monotonic() - begun, 1)
        file.write_text(json.dumps(asdict(report), indent=2), encoding="utf-8")
        _show(console, report, file)
        return 0 if report.ok else 1


def _show(console: Console, report: Report, file: Path) -> None:
    measured = ("verified", "verified_per_s", "p50_ms", "p95_ms", "p99_ms", "errors",
                "storm_missions", "storm_s")  # fmt: skip
    for name in measured:
        kind, bar = BARS.get(name, ("", 0.0))
        held = {True: "met", False: "missed", None: ""}[report.bars.get(name)]
        wanted = f"{kind} {bar:g} {held}" if kind else ""
        console.print(f"  {name:<16} {getattr(report, name)!s:>10}  {wanted}")
    shares = ", ".join(f"{name} {ms}" for name, ms in report.cpu_ms_per_repair.items())
    console.print(f"  processor ms per repair: {shares}", soft_wrap=True)
    if not report.ok:
        console.print(
            f"It could not be measured: {report.reason}", style="bold red", soft_wrap=True
        )
    console.print(f"{report.form} form, {report.seconds:.0f} s, {file}", soft_wrap=True)


def main() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="make bench-loop", description=__doc__)
    parser.add_argument("--short", action="store_true", help="less of each, held against no bar")
    parser.add_argument("--rate", type=float, help="errors a second; held against no bar")
    parser.add_argument("--seconds", type=float, help="for so long; held against no bar")
    parser.add_argument("--out", type=Path, default=ROOT / ".grace" / "bench",
                        help="the folder for loop.json and, while it runs, all data")  # fmt: skip
    given = parser.parse_args()
    given.out.mkdir(mode=0o711, parents=True, exist_ok=True)
    logs.configure("warning", given.out / "loop.log")
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    size = SHORT if given.short else FULL
    if given.rate or given.seconds:
        size = replace(
            size, form="own", rate=given.rate or size.rate, seconds=given.seconds or size.seconds
        )
    return uvloop.run(run(size, given.out.absolute(), console))


if __name__ == "__main__":
    sys.exit(main())
