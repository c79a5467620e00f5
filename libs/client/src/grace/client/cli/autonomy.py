"""`grace autonomy`: where playbooks stand, and the standing approvals that carry them."""

import re
from functools import partial
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace
from grace.contracts.governance import Autonomy

app = typer.Typer(help="How much playbooks may do on their own.", no_args_is_help=True)

Reason = Annotated[str, typer.Option(help="Why; kept for good.")]
Limit = Annotated[int, typer.Option(min=1, max=100)]
Budget = Annotated[int, typer.Option(min=1, help="Changes in all.")]
Lasting = Annotated[str, typer.Option("--for", help="How long: 30d, 12h or 45m.")]
_SECONDS = {"d": 86_400, "h": 3600, "m": 60}


@verb(app, "list")
def list_autonomy(context: typer.Context, limit: Limit = 20, cursor: str | None = None) -> None:
    """List the playbooks that have a record; all others stand at approve."""
    page = run(context, lambda grace: grace.autonomies(limit=limit, cursor=cursor))
    show_page(context, page, "playbook", "target_class", "level", "verified", "failed", "reason")


@verb(app, "show")
def show_autonomy(context: typer.Context, playbook: str, target_class: str) -> None:
    """Show where a playbook stands with a class of targets, and why."""
    show(context, run(context, lambda grace: grace.autonomy(playbook, target_class)))


@verb(app, "set")
def set_autonomy(
    context: typer.Context, playbook: str, target_class: str, level: str, reason: Reason
) -> None:
    """Move a playbook to off, suggest, approve, or auto where it has earned it."""

    def ask(grace: SyncGrace) -> Autonomy:
        version = grace.autonomy(playbook, target_class).version
        return grace.move_playbook(playbook, target_class, level, reason=reason, version=version)

    show(context, run(context, ask))


@verb(app, "approvals")
def approvals(context: typer.Context, limit: Limit = 20, cursor: str | None = None) -> None:
    """List standing approvals, newest first, each with what is left of it."""
    page = run(context, lambda grace: grace.standing_approvals(limit=limit, cursor=cursor))
    columns = ("standing_id", "playbook", "target_class", "status", "used", "budget", "given_by")
    show_page(context, page, *columns, "expires_at")


@verb(app, "approve")
def approve(
    context: typer.Context,
    playbook: str,
    target_class: str,
    *,
    budget: Budget,
    lasting: Lasting,
    reason: Reason,
) -> None:
    """Let a playbook at auto make so many changes of tier 2 without asking, for so long."""
    lifetime_s = seconds(lasting)
    given = run(
        context,
        lambda grace: grace.give_standing_approval(
            playbook, target_class, budget=budget, lifetime_s=lifetime_s, reason=reason
        ),
    )
    show(context, given)


@verb(app, "revoke")
def revoke(
    context: typer.Context,
    standing_id: str,
    reason: Annotated[str | None, typer.Option(help="For the record.")] = None,
) -> None:
    """Take a standing approval back; what was granted by it goes on."""
    ask = partial(SyncGrace.revoke_standing_approval, standing_id=standing_id, reason=reason)
    show(context, run(context, ask))


def seconds(lasting: str) -> int:
    """Return what --for says, in seconds."""
    found = re.fullmatch(r"([0-9]{1,4})([dhm])", lasting)
    if found is None or int(found[1]) == 0:
        raise typer.BadParameter("--for is a number with d, h or m, such as 7d")
    return int(found[1]) * _SECONDS[found[2]]
