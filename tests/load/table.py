"""The results as people read them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from load.bench import Results

_STATISTICS = ("n", "mean", "p50", "p90", "p99", "min", "max")
_WHOLE = 1000  # from here on nobody reads decimals
_STYLES = {"target": "green", "acceptable": "yellow", "poor": "red", "critical": "bold red"}


def show(console: Console, results: Results, file: Path) -> None:
    """Print the figures, the goals, and how it ended."""
    document = results.document()
    if results.figures:
        console.print(_figures(document), _machine(document))
    if document["goals"]:
        console.print(_goals(document))
    if results.ok:
        console.print(f"{results.form} form, {results.seconds:.0f} s, {file}", soft_wrap=True)
    else:
        said = Text(f"It could not be measured: {results.reason}", style="bold red")
        console.print(said, f"What was measured before that is in {file}.", soft_wrap=True)


def _figures(document: dict[str, Any]) -> Table:
    table = Table(title="What was measured", title_justify="left", box=box.SIMPLE)
    table.add_column("figure", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for name in _STATISTICS:
        table.add_column(name, justify="right", no_wrap=True)
    for each in document["figures"]:
        values = (_shown(each[name]) for name in _STATISTICS)
        table.add_row(each["name"], each["unit"], *values)
    return table


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= _WHOLE else f"{value:.4g}"


def _goals(document: dict[str, Any]) -> Table:
    table = Table(title="Held against the requirements", title_justify="left", box=box.SIMPLE)
    for name in (
        "row",
        "figure",
        "statistic",
        "value",
        "target",
        "acceptable",
        "critical",
        "grade",
    ):
        table.add_column(name, no_wrap=True)
    for each in document["goals"]:
        below, above = ("<", ">") if each["lower_is_better"] else (">", "<")
        table.add_row(
            each["row"], each["figure"], each["statistic"], f"{each['value']:,.4g}",
            f"{below} {each['target']:g}", f"{below} {each['acceptable']:g}",
            f"{above} {each['critical']:g}", Text(each["grade"], style=_STYLES[each["grade"]]),
        )  # fmt: skip
    return table


def _machine(document: dict[str, Any]) -> str:
    on, servers = document["machine"], document["servers"]
    settings = ", ".join(f"{name} {value}" for name, value in servers.items())
    return (
        f"{on['processor']}, {on['cores']} cores, {on['memory_mib']} MiB, load {on['load_before']} "
        f"before; commit {document['commit']}; {settings or 'servers as grace up starts them'}"
    )
