"""`grace brake status`, `pull` and `release`."""

from typing import Annotated

import typer

from grace.client.cli.output import show
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(
    help="Whether anything runs without people, and what stopped that.", no_args_is_help=True
)

Reason = Annotated[str, typer.Option(help="Why; kept for good.")]


@verb(app, "status")
def status(context: typer.Context) -> None:
    """Show how the brake stands, what counts against it, who turned it, and why."""
    show(context, run(context, lambda grace: grace.brake()))


@verb(app, "pull")
def pull(context: typer.Context, reason: Reason) -> None:
    """Let nothing run without people; what people approve goes on."""
    show(context, run(context, lambda grace: grace.turn_brake(is_on=True, reason=reason)))


@verb(app, "release")
def release(context: typer.Context, reason: Reason) -> None:
    """Let harmless and earned changes run without people again; what failed before is forgotten."""
    show(context, run(context, lambda grace: grace.turn_brake(is_on=False, reason=reason)))
