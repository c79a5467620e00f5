"""`grace keys`: who may ask Grace for what."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb
from grace.client.models import NewApiKey
from grace.client.sync import SyncGrace

app = typer.Typer(help="API keys.", no_args_is_help=True)


@verb(app, "make")
def make(
    context: typer.Context,
    principal: str,
    *,
    scope: Annotated[list[str], typer.Option(help="May be given several times.")],
    name: str = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it lives.")] = 90,
    rate_limit: Annotated[
        int | None, typer.Option(min=0, help="Requests a second, 0 for no limit; for the admin.")
    ] = None,
) -> None:
    """Make an API key; its token is shown this one time."""
    ends = datetime.now(UTC) + timedelta(days=days)

    def make_it(grace: SyncGrace) -> NewApiKey:
        return grace.make_key(principal, scope, name=name, expires_at=ends, rate_limit=rate_limit)

    show(context, run(context, make_it))


@verb(app, "list")
def list_keys(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    cursor: str | None = None,
) -> None:
    """List API keys."""
    page = run(context, lambda grace: grace.keys(limit=limit, cursor=cursor))
    show_page(context, page, "key_id", "principal", "name", "expires_at", "revoked_at")


@app.command()
def revoke(context: typer.Context, key_id: str) -> None:
    """Close an API key for good."""
    run(context, lambda grace: grace.revoke_key(key_id))
