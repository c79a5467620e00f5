"""A run as people read it, and as a file."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torture.run import Result


def show(console: Console, result: Result, file: Path) -> None:
    """Print what was done, what was found, and how it ended."""
    console.print(_faults(result), _findings(result))
    console.print(_told(result), soft_wrap=True)
    for finding in result.breaches:
        for sample in finding.samples:
            console.print(f"  {finding.rule}: {sample}", soft_wrap=True, markup=False)
    end = f"{len(result.breaches)} breaches" if result.breaches else "no breach"
    console.print(Text(f"{end}, {result.seconds:.0f} s, {file}", style=_style(result)))


def _style(result: Result) -> str:
    return "bold red" if result.breaches else "green"


def _faults(result: Result) -> Table:
    title = f"Seed {result.seed}: {len(result.done)} faults"
    table = Table(
        title=title if result.sabotage is None else f"{title}, {result.sabotage}",
        title_justify="left",
        box=box.SIMPLE,
    )
    table.add_column("fault", no_wrap=True)
    table.add_column("times", justify="right")
    for kind, times in sorted(Counter(each.kind for each in result.done).items()):
        table.add_row(kind, str(times))
    return table


def _findings(result: Result) -> Table:
    table = Table(title="What the checker found", title_justify="left", box=box.SIMPLE)
    table.add_column("invariant", no_wrap=True)
    table.add_column("breach", no_wrap=True)
    table.add_column("found", justify="right")
    for each in result.findings:
        found = "nobody looked" if each.found is None else f"{each.found:,}"
        table.add_row(each.invariant, each.rule, Text(found, style="red" if each.found else ""))
    return table


def _told(result: Result) -> str:
    of = result.figures
    after = "not drained" if of.drained_after is None else f"drained after {of.drained_after:.1f} s"
    restarts = sum(starts - 1 for starts in result.starts.values())
    ended = ", ".join(f"{name} {code}" for name, codes in result.ends.items() for code in codes)
    return (
        f"{of.tasks:,} tasks, {of.executions:,} executions ({of.executions_per_task:.2f} for each), "
        f"{of.stale_attempts:,} lapsed attempts, {of.forged_reports:,} forged or repeated reports, "
        f"{of.repeated_submissions:,} repeated submissions, {of.poison} poisoned messages, "
        f"a limit reached at {of.limits_reached:,} of {of.looks_at_limits:,} looks, "
        f"{restarts} restarts, {after}" + (f"; ended by themselves: {ended}" if ended else "")
    )


def document(result: Result) -> dict[str, Any]:
    """All of it, for a file."""
    return {
        "seed": result.seed,
        "sabotage": result.sabotage,
        "ok": not result.breaches,
        "seconds": result.seconds,
        "sizes": dataclasses.asdict(result.sizes),
        "figures": dataclasses.asdict(result.figures),
        "findings": [dataclasses.asdict(finding) for finding in result.findings],
        "faults": [dataclasses.asdict(each) for each in result.done],
        "starts": result.starts,
        "ends": result.ends,
    }


def write(file: Path, result: Result) -> None:
    """Keep it beside the logs of the run."""
    file.write_text(json.dumps(document(result), indent=1) + "\n", encoding="utf-8")
