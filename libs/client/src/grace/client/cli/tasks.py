"""`grace tasks`: what HTM runs."""

from typing import Annotated

import typer

from grace.client.cli import orders, steering
from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.system import show_task
from grace.client.cli.verbs import verb

app = typer.Typer(help="What HTM runs.", no_args_is_help=True)
verb(app, "show")(show_task)
steering.add_to(app)
orders.add_to(app)

_COLUMNS = ("task_id", "type", "kernel", "status", "attempt_number", "sla_state", "created_at")


@verb(app, "list")
def list_tasks(
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option(help="queued, running, dead_letter ..")] = None,
    kernel: str | None = None,
    mission_id: Annotated[str | None, typer.Option("--mission")] = None,
    parent_id: Annotated[str | None, typer.Option("--parent", help="Its children.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 20,
    cursor: str | None = None,
) -> None:
    """List tasks, newest first."""
    page = run(
        context,
        lambda grace: grace.tasks(
            status=status,
            kernel=kernel,
            mission_id=mission_id,
            parent_id=parent_id,
            limit=limit,
            cursor=cursor,
        ),
    )
    show_page(context, page, *_COLUMNS)


@verb(app, "why")
def why(context: typer.Context, task_id: str) -> None:
    """Tell why a task stands where it stands."""
    show(context, run(context, lambda grace: grace.why(task_id)))


@verb(app, "result")
def result(context: typer.Context, task_id: str) -> None:
    """Write a task's result, the JSON as its worker wrote it."""
    text = run(context, lambda grace: grace.task_result(task_id))
    typer.echo(text)
