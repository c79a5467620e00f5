"""Prints answers: tables for people, JSON and YAML for programs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

import typer
import yaml
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grace.client.cli.session import Format, session_of
from grace.client.models import Page
from grace.client.terminal import harmless

_COLOURS: Mapping[str, str] = {
    "verified": "green", "granted": "green", "stored": "green", "up": "green", "healthy": "green",
    "pending": "yellow", "open": "yellow", "measuring": "yellow", "accepted": "yellow",
    "running": "yellow", "planning": "yellow", "degraded": "yellow", "warning": "yellow",
    "rejected": "red", "expired": "red", "failed": "red", "down": "red", "blocked": "red",
    "rollback_failed": "red", "needs_attention": "red", "unhealthy": "red", "unreachable": "red",
    "critical": "red", "inconclusive": "red", "rolled_back": "red", "cancelled": "red",
}  # fmt: skip
_WIDE = 10_000  # Where no terminal sets a width, nothing is cut off.


class HasStatus(Protocol):
    """What is waited for and says where it stands."""

    @property
    def status(self) -> str:
        """One word."""
        ...


def show(context: typer.Context, item: BaseModel) -> None:
    """Print one thing."""
    data = item.model_dump(mode="json")
    if not _print_for_programs(context, data):
        table = Table(show_header=False, box=None, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in data.items():
            table.add_row(name, _cell(value))
        _console().print(table)


def show_page(
    context: typer.Context, page: Page[BaseModel] | Sequence[BaseModel], *columns: str
) -> None:
    """Print a list; the cursor of the next page goes to stderr."""
    items, cursor = (page.items, page.next_cursor) if isinstance(page, Page) else (page, None)
    if not _print_for_programs(context, [item.model_dump(mode="json") for item in items]):
        _console().print(_table(items, columns))
    if cursor:
        typer.echo(f"more: --cursor {harmless(cursor)}", err=True)


def show_parts(item: BaseModel, lists: Mapping[str, Sequence[str]]) -> None:
    """Print one thing for people whose lists are tables of their own."""
    console, data = _console(), item.model_dump(mode="json")
    for name, value in data.items():
        if name not in lists:
            console.print(Text(f"{name} "), _in_short(value), sep="", soft_wrap=True)
    for name, columns in lists.items():
        if rows := getattr(item, name):
            console.print(Text(f"\n{name}", style="bold"))
            console.print(_table(rows, columns))


def show_next(context: typer.Context, data: Mapping[str, Any], line: str) -> None:
    """Print one thing of a stream: a line of JSON, a document of YAML, or a line for people."""
    match session_of(context).output:
        case Format.JSON:
            typer.echo(json.dumps(data))
        case Format.YAML:
            typer.echo("---\n" + _as_yaml(data), nl=False)
        case Format.TABLE:
            typer.echo(" ".join(harmless(line).split()))


@contextmanager
def progress(what: str) -> Iterator["Spinner"]:
    """Show on a terminal that something is waited for; in a pipe show nothing."""
    console = Console(stderr=True)
    with console.status(Text(harmless(what))) as status:
        yield Spinner(lambda text: status.update(Text(harmless(text))), what)


class Spinner:
    """Tells how what is waited for stands."""

    def __init__(self, update: Any, what: str) -> None:  # noqa: ANN401 - a callable
        self._update = update
        self._what = what

    def __call__(self, found: HasStatus) -> None:
        """Hear of one look at it."""
        self._update(f"{self._what}: {found.status}")


def _print_for_programs(context: typer.Context, data: object) -> bool:
    match session_of(context).output:
        case Format.JSON:
            typer.echo(json.dumps(data, indent=2))
        case Format.YAML:
            typer.echo(_as_yaml(data), nl=False)
        case Format.TABLE:
            return False
    return True


def _as_yaml(data: object) -> str:
    # ASCII only: what is not printable would reach the terminal otherwise.
    text: str = yaml.safe_dump(data, sort_keys=False, allow_unicode=False, width=_WIDE)
    return text


def _console() -> Console:
    console = Console()
    return console if console.is_terminal else Console(width=_WIDE)


def _table(items: Sequence[BaseModel], columns: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        # An id is copied: it stays in one piece where anything else can give way.
        table.add_column(column, overflow="fold", no_wrap=column.endswith("_id"))
    for item in items:
        table.add_row(*(_cell(getattr(item, column)) for column in columns))
    return table


def _in_short(value: object) -> Text:
    """A part on one line: its own lists are for who asks for all of it."""
    if not isinstance(value, dict):
        return _cell(value)
    plain = {name: each for name, each in value.items() if not isinstance(each, dict | list)}
    return Text(harmless(", ".join(f"{name} {each}" for name, each in plain.items())))


def _cell(value: object) -> Text:
    """What comes from outside is never markup, and commands no terminal."""
    match value:
        case None:
            return Text("-")
        case datetime():
            return Text(value.strftime("%Y-%m-%d %H:%M:%S"))
        case str():
            return Text(harmless(value), style=_COLOURS.get(value, ""))
        case list() | tuple() if all(isinstance(each, str) for each in value):
            return Text(harmless(", ".join(value)) or "-")
        case dict() | list():
            return Text(json.dumps(value, indent=1))
        case _:
            plain = f"{value:.4g}" if isinstance(value, float) else str(value)
            return Text(harmless(plain))
