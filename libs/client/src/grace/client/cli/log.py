"""`grace log`: the immutable log and its proofs."""

from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run

app = typer.Typer(help="The immutable log and its proofs.", no_args_is_help=True)


@app.command()
def checkpoint(context: typer.Context) -> None:
    """Show the newest signed head."""
    show(context, run(context, lambda grace: grace.checkpoint()))


@app.command()
def proof(context: typer.Context, index: int | None = None, message_id: str | None = None) -> None:
    """Show the proof that an entry is in the log."""
    if (index is None) == (message_id is None):
        raise typer.BadParameter("give either --index or --message-id")
    show(context, run(context, lambda grace: grace.proof(index=index, message_id=message_id)))


@app.command()
def entries(
    context: typer.Context,
    start: Annotated[int, typer.Option(min=0)] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """List entries."""
    found = run(context, lambda grace: grace.entries(start=start, limit=limit))
    show_page(context, found, "index", "at", "producer", "subject", "message_id")
