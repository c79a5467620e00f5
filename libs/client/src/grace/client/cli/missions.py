"""`grace missions`: what happened, and how it ended."""

from typing import Annotated, Literal

import typer

from grace.client.cli.output import progress, show, show_page
from grace.client.cli.session import FAILED, run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace
from grace.contracts.intent import Intent
from grace.contracts.verification import Mission

app = typer.Typer(help="Incidents, from their report to their verdict.", no_args_is_help=True)


Choice = Literal["accept", "retry_revert", "close"]
_COLUMNS = ("mission_id", "status", "reopened_at", "kind", "target", "confidence", "opened_at")


@verb(app, "list")
def list_missions(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only missions that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List missions, newest first."""
    page = run(context, lambda grace: grace.missions(status=status, limit=limit, cursor=cursor))
    show_page(context, page, *_COLUMNS)


@verb(app, "show")
def show_mission(context: typer.Context, mission_id: str) -> None:
    """Show one mission with its contracts."""
    show(context, run(context, lambda grace: grace.mission(mission_id)))


@verb(app, "timeline")
def timeline(context: typer.Context, mission_id: str) -> None:
    """Show every step of a mission."""
    entries = run(context, lambda grace: grace.timeline(mission_id))
    show_page(context, entries, "at", "service", "subject", "summary")


@verb(app, "plan")
def plan(context: typer.Context, mission_id: str) -> None:
    """Show which playbooks were considered, why one was taken, and the plan."""
    show(context, run(context, lambda grace: grace.mission_plan(mission_id)))


@verb(app, "decide")
def decide(
    context: typer.Context,
    mission_id: str,
    choice: Annotated[Choice, typer.Argument(help="What shall become of it.")],
    reason: Annotated[str, typer.Option(help="For the record; needed.")],
) -> None:
    """Decide about a mission that needs attention."""
    show(
        context,
        run(context, lambda grace: grace.decide_attention(mission_id, choice, reason=reason)),
    )


@verb(app, "targets")
def list_target_holds(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List held targets by name, each with who waits for it."""
    page = run(context, lambda grace: grace.target_holds(limit=limit, cursor=cursor))
    show_page(context, page, "target", "mission_id", "status", "taken_at", "waiting")


@verb(app, "wait")
def wait(
    context: typer.Context,
    mission_id: str,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds.")] = 300,
) -> None:
    """Wait until a mission has closed; exit code 1 where it was not verified, or is open again."""

    def waiting(grace: SyncGrace) -> Mission:
        with progress(mission_id) as tell:
            return grace.wait_for_mission(mission_id, timeout=timeout, tell=tell)

    mission = run(context, waiting)
    show(context, mission)
    if not is_healed(mission):
        raise typer.Exit(FAILED)


def is_healed(ended: Mission | Intent) -> bool:
    """Whether it was verified, and no later look took that back: the status never changes."""
    return ended.status == "verified" and ended.reopened_at is None
