"""`grace quarantine list`, `replay` and `discard`."""

from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(
    help="What services could not handle. `grace status` counts it.", no_args_is_help=True
)

Limit = Annotated[int, typer.Option(min=1, max=100)]
Reason = Annotated[str, typer.Option(help="Why; kept for good.")]


@verb(app, "list")
def list_quarantined(
    context: typer.Context, service: str, limit: Limit = 20, cursor: str | None = None
) -> None:
    """List what a service could not handle, newest first, with the reasons."""
    page = run(context, lambda grace: grace.quarantined(service, limit=limit, cursor=cursor))
    columns = ("quarantine_id", "subject", "reason", "detail", "kept_bytes", "received_at")
    show_page(context, page, *columns)


@verb(app, "replay")
def replay(context: typer.Context, service: str, quarantine_id: str, reason: Reason) -> None:
    """Have a message handled again, once its handler is mended."""
    settled = run(
        context, lambda grace: grace.replay_quarantined(service, quarantine_id, reason=reason)
    )
    show(context, settled)


@verb(app, "discard")
def discard(context: typer.Context, service: str, quarantine_id: str, reason: Reason) -> None:
    """Delete a message that nobody needs."""
    settled = run(
        context, lambda grace: grace.discard_quarantined(service, quarantine_id, reason=reason)
    )
    show(context, settled)
