"""`grace approvals`: read what a plan would do, and decide on exactly that."""

import json
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run, session_of
from grace.client.rest import Grace
from grace.client.shown import hash_shown
from grace.contracts.governance import Approval

app = typer.Typer(help="Plans that wait for people.", no_args_is_help=True)

Reason = Annotated[str | None, typer.Option(help="For the record.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]

_COLUMNS = ("approval_id", "status", "tier", "quorum", "playbook", "requested_by", "expires_at")


@app.command("list")
def list_approvals(
    context: typer.Context,
    status: str | None = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List approvals, newest first."""
    page = run(context, lambda grace: grace.approvals(status=status, limit=limit, cursor=cursor))
    show_page(context, page, *_COLUMNS)


@app.command("show")
def show_approval(context: typer.Context, approval_id: str) -> None:
    """Show one approval with the contracts that it is for."""
    show(context, run(context, lambda grace: grace.approval(approval_id)))


@app.command()
def approve(
    context: typer.Context, approval_id: str, *, reason: Reason = None, yes: Yes = False
) -> None:
    """Show a plan, ask, and approve exactly what was shown."""

    async def send(grace: Grace, shown: Approval) -> Approval:
        return await grace.approve(
            approval_id, hash_shown(shown), reason=reason, if_version=shown.version
        )

    _decide(context, approval_id, "approve", send, sure=yes)


@app.command()
def reject(
    context: typer.Context, approval_id: str, *, reason: Reason = None, yes: Yes = False
) -> None:
    """Show a plan, ask, and reject it for good."""

    async def send(grace: Grace, shown: Approval) -> Approval:
        return await grace.reject(
            approval_id, hash_shown(shown), reason=reason, if_version=shown.version
        )

    _decide(context, approval_id, "reject", send, sure=yes)


def _decide(
    context: typer.Context,
    approval_id: str,
    word: str,
    send: Callable[[Grace, Approval], Awaitable[Approval]],
    *,
    sure: bool,
) -> None:
    """Decide on the version and the hash of what was on the screen, and on nothing newer."""
    shown = run(context, lambda grace: grace.approval(approval_id))
    if not session_of(context).as_json:
        _print_plan(shown)
    if not sure:
        typer.confirm(f"{word} this plan?", abort=True, err=True)
    show(context, run(context, lambda grace: send(grace, shown)))


def _print_plan(approval: Approval) -> None:
    for text in approval.contracts:
        action = json.loads(text)["action"]
        typer.echo(
            f"tier {action['tier']}  {action['operation']} on {action['target']}\n"
            f"        params {action['params']}\n"
            f"        {'can be undone' if action['reversible'] else 'cannot be undone'}"
        )
    typer.echo(f"asked by {approval.requested_by}, hash {approval.shown_hash}")
