"""`grace holds`: missions whose plan waits."""

from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(help="Missions whose plan waits, and why.", no_args_is_help=True)

_COLUMNS = ("mission_id", "cause", "kind", "target", "held_until", "reason")


@verb(app, "list")
def list_holds(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List what waits, newest first."""
    page = run(context, lambda grace: grace.holds(limit=limit, cursor=cursor))
    show_page(context, page, *_COLUMNS)


@verb(app, "release")
def release(
    context: typer.Context,
    mission_id: str,
    reason: Annotated[str | None, typer.Option(help="For the record.")] = None,
) -> None:
    """Let a mission go on; governance still decides whether it may act."""
    show(context, run(context, lambda grace: grace.release_hold(mission_id, reason=reason)))
