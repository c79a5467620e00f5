"""The demonstration: two incidents, told against a running Grace over its real doors only."""

import asyncio
import os
import time
from pathlib import Path

import asyncpg
from nats.errors import Error as NatsError
from rich.console import Console
from rich.text import Text

from grace.client import GraceClientError
from grace.stack.demo import evidence, report
from grace.stack.demo.earlier import end_earlier
from grace.stack.demo.incident import Incident
from grace.stack.demo.people import People, people
from grace.stack.demo.plots import PLOTS, Plot
from grace.stack.demo.report import IncidentReport, MemoryReport, Report, Seconds
from grace.stack.demo.show import Show
from grace.stack.demo.stage import Stage, stage
from grace.stack.errors import StackError
from grace.stack.host import House
from grace.stack.installation import Installation
from grace.stack.memory import memory_of

REPORT = "report.json"

_CLOSED = "verification.action.closed"
_LONGEST_SECONDS = 300.0  # each wait has its own limit; this one is for what nobody thought of
_ALIVE = 0.5  # of the throughput before: how much is enough, Grace's own measurement decides
_MORE_ERRORS = 0.05  # above the error rate before
_EXPECTED_FAILURES = (
    StackError, GraceClientError, OSError, TimeoutError, NatsError, asyncpg.PostgresError, asyncpg.InterfaceError,
)  # fmt: skip


async def tell(house: House, folder: Path, console: Console, *, setup_seconds: float = 0.0) -> int:
    """Tell both incidents against a Grace that is up, and write `report.json` into the folder.

    Returns 0 only if the first ended `verified`, the second `rolled_back`, the target says so
    itself, and the log's proof holds; else 1, and the reason is printed.
    """
    file = folder / REPORT
    file.unlink(missing_ok=True)
    begun = time.monotonic()
    told = Report(Seconds(round(setup_seconds, 1), round(house.seconds, 1)))
    try:
        async with asyncio.timeout(_LONGEST_SECONDS):
            await _tell(house, console, told)
    except _EXPECTED_FAILURES as failure:
        told.reason = str(failure) or f"{type(failure).__name__}: no answer in time"
    else:
        told.ok = True
    told.seconds = Seconds(
        told.seconds.setup, told.seconds.start, round(time.monotonic() - begun, 1)
    )
    report.write(file, told)
    _end(console, file, told)
    return 0 if told.ok else 1


async def _tell(house: House, console: Console, told: Report) -> None:
    token = house.installation.admin_key_file.read_text(encoding="ascii").strip()
    async with people(house.url, token) as cast, stage(house.installation) as ready:
        show = Show(console, ready.throughput)
        show.line(f"the target is a Postgres of its own, on port {ready.target.server.port}")
        await end_earlier(cast, show)
        pinned = await evidence.pin(cast.admin)
        for plot in PLOTS:
            told.incidents.append(await Incident(plot, ready, cast, show).run())
            _conclude(show, plot, told.incidents[-1])
        await _prove(cast, show, told, pinned)
        told.memory = measure(house.installation, ready)
        show.line(_in_words(told.memory))


def _conclude(show: Show, plot: Plot, told: IncidentReport) -> None:
    """Say how an incident ended. StackError when that is not how it has to end."""
    show.line(f"{told.mission_id}: {told.reports} reports of the watcher, one mission")
    show.line("at the target itself:")
    show.phases(told)
    if told.setting["during"] != told.setting["before"]:
        show.line(f"statement_timeout {told.setting}")
    record = told.learned
    show.line(
        f"learned {told.playbook}: {record.successes} of {record.executions} verified, "
        f"confidence {record.confidence:.2f}"
    )
    verdict = f"{told.verdict}, confidence {told.confidence:.2f}: {told.reason}"
    problem = wrong(plot, told)
    show.verdict(verdict, good=problem is None)
    if problem is not None:
        raise StackError(problem)


def wrong(plot: Plot, told: IncidentReport) -> str | None:
    """What is not as it has to be: by Grace's verdict, and by what the target itself says."""
    done, failed, setting = told.throughput, told.error_rate, told.setting
    if told.verdict != plot.verdict:
        return f"{plot.name} ended as {told.verdict}, not {plot.verdict}: {told.reason}"
    if done["after"] < _ALIVE * done["before"]:
        return f"{plot.name}: the target's throughput is not what it was: {done}"
    if (failed["after"] or 0.0) > (failed["before"] or 0.0) + _MORE_ERRORS:
        return f"{plot.name}: the target's error rate is not what it was: {failed}"
    if setting["after"] != setting["before"]:
        return f"{plot.name}: statement_timeout is not what it was: {setting}"
    return None


async def _prove(cast: People, show: Show, told: Report, pinned: str) -> None:
    """Check the log's head, and that the end of the first mission is in the log."""
    show.title("The log")
    first = told.incidents[0]
    closed = [s for s in first.steps if s.subject == _CLOSED and s.event_id]
    if not closed:
        raise StackError(f"the timeline of {first.mission_id} has no {_CLOSED}")
    head, proof = await evidence.prove(
        cast.admin, pinned, str(closed[-1].event_id), first.mission_id
    )
    told.checkpoint, told.proof = head, proof
    show.lines(head.note.strip().splitlines())
    show.verdict(
        f"{proof.subject} {proof.message_id} is entry {proof.index} of {proof.size}: "
        f"{proof.hashes} hashes lead to the root, the pinned key signed it",
        good=True,
    )


def measure(installation: Installation, ready: Stage) -> MemoryReport:
    """How much memory everything takes now; Grace is this process without its children."""
    grace = memory_of(os.getpid(), alone=True)
    nats = memory_of(installation.nats.pid)
    postgres = memory_of(installation.postgres.pid)
    target = memory_of(ready.target.server.pid)
    total = grace + nats + postgres
    return MemoryReport(
        measure=(total + target).measure,
        grace=grace.mib,
        nats=nats.mib,
        postgres=postgres.mib,
        total=total.mib,
        target=target.mib,
    )


def _in_words(memory: MemoryReport) -> str:
    return (
        f"memory ({memory.measure}): {memory.total:.0f} MiB = grace {memory.grace:.0f} + "
        f"nats {memory.nats:.0f} + postgres {memory.postgres:.0f}; the target {memory.target:.0f}"
    )


def _end(console: Console, file: Path, told: Report) -> None:
    took = f"{told.seconds.demo:.0f} s; {file}"
    text = Text(f"\nOne healed, one taken back, both proven in {took}", style="bold green")
    if not told.ok:
        text = Text(f"\nIt did not go as it should, after {took}\n", style="bold red")
        text.append(f"reason: {told.reason}", style="red")
    console.print(text, soft_wrap=True, highlight=False)
