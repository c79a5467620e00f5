"""A run as people read it, and as a file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from torture_verify.run import Done


def show(console: Console, title: str, found: Sequence[Done]) -> None:
    """Print one row for each edge, one column for each operation."""
    deeds = list(dict.fromkeys(each.case.deed.name for each in found))
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    table.add_column("killed at", no_wrap=True)
    for deed in deeds:
        table.add_column(deed, no_wrap=True)
    at = {(each.case.edge.name, each.case.deed.name): each for each in found}
    for edge in sorted(dict.fromkeys(each.case.edge.name for each in found)):
        table.add_row(edge, *(_cell(at.get((edge, deed))) for deed in deeds))
    console.print(table)
    for each in found:
        for breach in each.breaches:
            place = f"{each.case.edge.name} x {each.case.deed.name}"
            console.print(
                f"  {place}: {breach.rule}: {breach.detail}", soft_wrap=True, markup=False
            )
    console.print(_sum(found))


def _cell(done: Done | None) -> Text:
    if done is None:
        return Text("-", style="dim")
    return Text(done.status, style="bold red" if done.breaches else "green")


def _sum(found: Sequence[Done]) -> Text:
    bad = [each for each in found if each.breaches]
    ends = ", ".join(f"{n} {end}" for end, n in sorted(Counter(e.status for e in found).items()))
    longest = max((each.unverified_s for each in found), default=0.0)
    seconds = sum(each.seconds for each in found)
    words = (
        f"{len(found)} cases, {ends}; executed and unverified at most {longest:.1f} s;"
        f" {len(bad)} breaches, {seconds:.0f} s"
    )
    return Text(words, style="bold red" if bad else "green")


def write(file: Path, seed: int, found: Sequence[Done], controls: dict[str, int]) -> None:
    """Keep it as JSON."""
    document = {
        "seed": seed,
        "ok": not any(each.breaches for each in found) and all(controls.values()),
        "half_states": sum(1 for each in found if each.breaches),
        "longest_unverified_s": max((each.unverified_s for each in found), default=0.0),
        "controls": controls,
        "cases": [
            {
                "edge": each.case.edge.name,
                "operation": each.case.deed.name,
                "way": each.case.way,
                "status": each.status,
                "seconds": round(each.seconds, 2),
                "breaches": [f"{b.rule}: {b.detail}" for b in each.breaches],
            }
            for each in found
        ],
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
