"""`grace schedules`: tasks that HTM submits at the times of a cron expression."""

from typing import Annotated, Any

import typer

from grace.client.cli.documents import merged, read_document, require
from grace.client.cli.intents import File
from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(help="Tasks at the times of a cron expression.", no_args_is_help=True)

_COLUMNS = ("name", "cron", "time_zone", "enabled", "next_at", "last_slot_at", "last_outcome")
_FIELDS = ("name", "cron", "time_zone", "catch_up", "catch_up_most", "enabled", "task")
Cron = Annotated[str | None, typer.Option(help="E.g. '30 2 * * *'.")]
Zone = Annotated[str | None, typer.Option(help="IANA, e.g. Europe/Berlin; else UTC.")]
CatchUp = Annotated[
    str | None, typer.Option(help="Of what nobody fired in time: skip, one or all.")
]
Most = Annotated[int | None, typer.Option(min=1, max=1000, help="How many `all` are at most.")]


@verb(app, "set")
def set_schedule(
    context: typer.Context,
    *,
    file: File,
    name: str | None = None,
    cron: Cron = None,
    time_zone: Zone = None,
    catch_up: CatchUp = None,
    catch_up_most: Most = None,
) -> None:
    """Set a schedule; --file holds `task:`, with the fields of `grace tasks submit` below it."""
    given: dict[str, Any] = {
        "name": name, "cron": cron, "time_zone": time_zone, "catch_up": catch_up,
        "catch_up_most": catch_up_most,
    }  # fmt: skip
    fields = merged(read_document(file, fields=_FIELDS) if file else {}, given)
    require(fields, "name", "cron", "task")
    show(context, run(context, lambda grace: grace.set_schedule(**fields)))


@verb(app, "list")
def list_schedules(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List schedules, by name."""
    page = run(context, lambda grace: grace.schedules(limit=limit, cursor=cursor))
    show_page(context, page, *_COLUMNS)


@verb(app, "why")
def why(context: typer.Context, name: str) -> None:
    """Tell when a schedule fires next, or why it does not."""
    show(context, run(context, lambda grace: grace.schedule(name)))


@verb(app, "change")
def change(
    context: typer.Context,
    name: str,
    *,
    cron: Cron = None,
    time_zone: Zone = None,
    catch_up: CatchUp = None,
    catch_up_most: Most = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable")] = None,
) -> None:
    """Change what is given; it goes on with the slot that comes next."""
    given: dict[str, Any] = {
        "cron": cron, "time_zone": time_zone, "catch_up": catch_up,
        "catch_up_most": catch_up_most, "enabled": enabled,
    }  # fmt: skip
    show(context, run(context, lambda grace: grace.change_schedule(name, **given)))


@verb(app, "drop")
def drop(context: typer.Context, name: str) -> None:
    """Drop a schedule; its tasks stay."""
    run(context, lambda grace: grace.drop_schedule(name))
