"""`grace kill-switch on`, `off` and `status`."""

from typing import Annotated

import typer

from grace.client.cli.output import show
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(help="Stops every effect, and lets effects go on.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why; kept for good.")]
Hard = Annotated[bool, typer.Option("--hard", help="No revert begins either.")]


@verb(app, "on")
def turn_on(context: typer.Context, reason: Reason, hard: Hard = False) -> None:  # noqa: FBT002 - an option
    """Stop every effect within a second; what waits to be applied ends as blocked."""
    turned = run(
        context, lambda grace: grace.turn_kill_switch(is_on=True, hard=hard, reason=reason)
    )
    show(context, turned)


@verb(app, "off")
def turn_off(context: typer.Context, reason: Reason) -> None:
    """Let effects go on."""
    show(context, run(context, lambda grace: grace.turn_kill_switch(is_on=False, reason=reason)))


@verb(app, "status")
def status(context: typer.Context) -> None:
    """Show how the switch stands, who turned it, and why."""
    show(context, run(context, lambda grace: grace.kill_switch()))
