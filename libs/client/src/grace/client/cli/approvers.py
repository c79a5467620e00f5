"""`grace approvers` and `grace reviews`: who may decide, and the second look at broken glass."""

from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(help="Who may decide, and for which group.", no_args_is_help=True)
reviews = typer.Typer(help="What one person granted alone.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=100)]


@verb(app, "list")
def list_approvers(context: typer.Context, limit: Limit = 50, cursor: str | None = None) -> None:
    """List approvers by name."""
    page = run(context, lambda grace: grace.approvers(limit=limit, cursor=cursor))
    show_page(context, page, "principal", "group", "seated_by", "seated_at", "removed_at")


@verb(app, "seat")
def seat(
    context: typer.Context,
    principal: str,
    *,
    group: Annotated[str, typer.Option(help="Several approvals come from different groups.")],
) -> None:
    """Let somebody else decide, for a group."""
    show(context, run(context, lambda grace: grace.seat_approver(principal, group)))


@verb(app, "remove")
def remove(context: typer.Context, principal: str) -> None:
    """Let somebody else decide no more."""
    show(context, run(context, lambda grace: grace.remove_approver(principal)))


@verb(reviews, "list")
def list_reviews(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="open or reviewed")] = None,
    limit: Limit = 20,
    cursor: str | None = None,
) -> None:
    """List reviews, newest first."""
    page = run(context, lambda grace: grace.reviews(status=status, limit=limit, cursor=cursor))
    show_page(context, page, "review_id", "status", "approval_id", "broken_by", "reason", "finding")


@verb(reviews, "show")
def show_review(context: typer.Context, review_id: str) -> None:
    """Show one review."""
    show(context, run(context, lambda grace: grace.review(review_id)))


@verb(reviews, "complete")
def complete(
    context: typer.Context,
    review_id: str,
    finding: Annotated[str, typer.Argument(help="justified or unjustified")],
    *,
    note: Annotated[str, typer.Option(help="What you found; kept for good.")],
) -> None:
    """Say what you found about another's emergency."""
    show(context, run(context, lambda grace: grace.complete_review(review_id, finding, note=note)))
