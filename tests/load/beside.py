"""The rows and bars of `make bench-htm` as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from load.claims import Claims
from load.rows import MEASURED, Bar, Row
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from load.against import Report

_WHOLE = 1000  # from here on nobody reads decimals
_SAID = {True: ("met", "green"), False: ("missed", "bold red"), None: ("not measured", "yellow")}


def show(console: Console, report: Report, file: Path) -> None:
    """Print the rows, the bars, what was left out, and how it ended."""
    if report.rows:
        console.print(_rows(report.rows))
    for system, reason in report.skipped.items():
        console.print(f"{system} is not among them: {reason}", style="yellow")
    if not report.ok:
        said = Text(f"It could not be measured: {report.reason}", style="bold red")
        console.print(said, soft_wrap=True)
        return
    if report.claims:
        console.print(_claims(report.claims))
    if report.bars:
        console.print(_bars(report.bars))
    on = report.machine
    console.print(f"{on['processor']}, {on['cores']} cores, load {on['load_before']} before; "
                  f"NATS sync_interval {report.servers['nats_sync_interval']}")  # fmt: skip
    console.print(f"{report.form} form, {report.seconds:.0f} s, {file}", soft_wrap=True)


def _claims(found: Claims) -> str:
    return (
        f"A claim of sixteen tasks: p50 {found.empty_p50_ms:.1f}, p99 {found.empty_p99_ms:.1f} ms on an"
        f" empty table; p50 {found.p50_ms:.1f}, p99 {found.p99_ms:.1f} ms beside {found.queued:,}"
        f" waiting and {found.finished:,} ended tasks ({found.claims} claims each)"
    )


def _rows(rows: list[Row]) -> Table:
    title = "Grace's scheduler beside its peers: the median of the rounds (lowest .. highest)"
    table = Table(title=title, title_justify="left", box=box.SIMPLE)
    for name in ("system", "mode"):
        table.add_column(name, no_wrap=True)
    for name in MEASURED:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(str(row["system"]), str(row["mode"]), *(_cell(row, n) for n in MEASURED))
    return table


def _cell(row: Row, name: str) -> str:
    middle, low, high = (_shown(float(row[key])) for key in (name, f"{name}_min", f"{name}_max"))
    return middle if low == high else f"{middle} ({low} .. {high})"


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"


def _bars(bars: list[Bar]) -> Table:
    table = Table(title="Held against the bars", title_justify="left", box=box.SIMPLE)
    for name in ("bar", "wanted", "found", ""):
        table.add_column(name, no_wrap=True)
    for bar in bars:
        said, style = _SAID[bar.met]
        found = "" if bar.found is None else _shown(bar.found)
        table.add_row(bar.bar, bar.wanted, found, said, style=style)
    return table
