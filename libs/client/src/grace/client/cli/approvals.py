"""`grace approvals`: read what a plan would do, and decide on exactly that."""

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import Format, run, session_of
from grace.client.cli.verbs import verb
from grace.client.shown import PlanAltered, hash_shown
from grace.client.sync import SyncGrace
from grace.client.terminal import harmless
from grace.contracts.governance import Approval

app = typer.Typer(help="Plans that wait for people.", no_args_is_help=True)

Reason = Annotated[str | None, typer.Option(help="For the record.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]
ShownHash = Annotated[
    str | None, typer.Option(help="The hash of the plan that you read: no other is decided on.")
]

_COLUMNS = ("approval_id", "status", "tier", "quorum", "playbook", "requested_by", "expires_at")


@verb(app, "list")
def list_approvals(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="Only approvals that stand so.")] = None,
    tier: Annotated[int | None, typer.Option(min=1, max=3)] = None,
    mission: Annotated[str | None, typer.Option(help="Only those of a mission.")] = None,
    requested_by: Annotated[str | None, typer.Option(help="Only what they asked for.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List approvals, newest first."""
    page = run(
        context,
        lambda grace: grace.approvals(
            status=status,
            tier=tier,
            mission_id=mission,
            requested_by=requested_by,
            limit=limit,
            cursor=cursor,
        ),
    )
    show_page(context, page, *_COLUMNS)


@verb(app, "show")
def show_approval(context: typer.Context, approval_id: str) -> None:
    """Show one approval with the contracts that it is for."""
    show(context, run(context, lambda grace: grace.approval(approval_id)))


@verb(app, "approve")
def approve(
    context: typer.Context,
    approval_id: str,
    *,
    reason: Reason = None,
    shown_hash: ShownHash = None,
    yes: Yes = False,
) -> None:
    """Show a plan, ask, and approve exactly what was shown."""
    shown = _shown(context, approval_id, shown_hash)
    _ask(context, shown, "approve", sure=yes)
    decided = run(
        context,
        lambda grace: grace.approve(
            approval_id, shown.shown_hash, reason=reason, if_version=shown.version
        ),
    )
    show(context, decided)


@verb(app, "reject")
def reject(
    context: typer.Context,
    approval_id: str,
    *,
    reason: Reason = None,
    shown_hash: ShownHash = None,
    yes: Yes = False,
) -> None:
    """Show a plan, ask, and reject it for good."""
    shown = _shown(context, approval_id, shown_hash)
    _ask(context, shown, "reject", sure=yes)
    decided = run(
        context,
        lambda grace: grace.reject(
            approval_id, shown.shown_hash, reason=reason, if_version=shown.version
        ),
    )
    show(context, decided)


@verb(app, "delegate")
def delegate(
    context: typer.Context,
    approval_id: str,
    delegated_to: str,
    *,
    reason: Annotated[str, typer.Option(help="Shown to all who decide.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long the other may decide.")] = 30,
) -> None:
    """Let another decide in your place, for a while."""
    ends_at = datetime.now(UTC) + timedelta(minutes=minutes)
    shown = run(
        context,
        lambda grace: grace.delegate(approval_id, delegated_to, ends_at=ends_at, reason=reason),
    )
    show(context, shown)


@verb(app, "break-glass")
def break_glass(
    context: typer.Context,
    approval_id: str,
    *,
    reason: Annotated[str, typer.Option(help="Who reviews it reads this: 10 letters or more.")],
    shown_hash: ShownHash = None,
    yes: Yes = False,
) -> None:
    """Show a plan, ask, and grant it alone; somebody else reviews that."""
    shown = _shown(context, approval_id, shown_hash)
    _ask(context, shown, "break the glass for", sure=yes)
    decided = run(
        context,
        lambda grace: grace.break_glass(
            approval_id, shown.shown_hash, reason=reason, if_version=shown.version
        ),
    )
    show(context, decided)


def _shown(context: typer.Context, approval_id: str, expected: str | None) -> Approval:
    """Read a plan; its hash is computed here, and is the one that was read elsewhere if any was."""

    def read(grace: SyncGrace) -> Approval:
        approval = grace.approval(approval_id)
        if expected not in (None, hash_shown(approval)):
            raise PlanAltered("this is not the plan with that hash: read it again")
        return approval

    return run(context, read)


def _ask(context: typer.Context, shown: Approval, word: str, *, sure: bool) -> None:
    """Put the plan before the eyes of who decides; programs get it on stderr."""
    for_people = session_of(context).output is Format.TABLE
    if for_people or not sure:
        typer.echo(_in_words(shown), err=not for_people)
    if not sure:
        typer.confirm(f"{word} this plan?", abort=True, err=True)


def _in_words(approval: Approval) -> str:
    lines = [_action_in_words(text) for text in approval.contracts]
    return "\n".join(
        [*lines, harmless(f"asked by {approval.requested_by}, hash {approval.shown_hash}")]
    )


def _action_in_words(contract: str) -> str:
    """What a contract would do; one that is written otherwise is shown to the letter."""
    try:
        action = json.loads(contract)["action"]
        words = (
            f"tier {action['tier']}  {action['operation']} on {action['target']}\n"
            f"        params {action['params']}\n"
            f"        {'can be undone' if action['reversible'] else 'cannot be undone'}"
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        words = contract
    return harmless(words)
