"""Prints answers: tables for people, JSON for programs."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text

from grace.client.cli.session import session_of
from grace.client.models import Page

_COLOURS: Mapping[str, str] = {
    "verified": "green", "granted": "green", "stored": "green", "up": "green",
    "pending": "yellow", "open": "yellow", "measuring": "yellow",
    "rejected": "red", "expired": "red", "failed": "red", "down": "red",
    "rollback_failed": "red", "needs_attention": "red",
}  # fmt: skip


def show(context: typer.Context, item: BaseModel) -> None:
    """Print one thing."""
    if session_of(context).as_json:
        typer.echo(item.model_dump_json(indent=2))
        return
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in item.model_dump(mode="json").items():
        table.add_row(name, _cell(value))
    Console().print(table)


def show_page(
    context: typer.Context, page: Page[BaseModel] | Sequence[BaseModel], *columns: str
) -> None:
    """Print a list; the cursor of the next page goes to stderr."""
    items, cursor = (page.items, page.next_cursor) if isinstance(page, Page) else (page, None)
    if session_of(context).as_json:
        typer.echo(json.dumps([item.model_dump(mode="json") for item in items], indent=2))
    else:
        Console().print(_table(items, columns))
    if cursor:
        typer.echo(f"more: --cursor {cursor}", err=True)


def _table(items: Sequence[BaseModel], columns: Sequence[str]) -> Table:
    table = Table(*columns, box=None, pad_edge=False)
    for item in items:
        table.add_row(*(_cell(getattr(item, column)) for column in columns))
    return table


def _cell(value: object) -> Text:
    """What comes from outside is never markup."""
    match value:
        case None:
            return Text("-")
        case datetime():
            return Text(value.strftime("%Y-%m-%d %H:%M:%S"))
        case str():
            return Text(value, style=_COLOURS.get(value, ""))
        case dict() | list():
            return Text(json.dumps(value, indent=1))
        case _:
            return Text(str(value))
