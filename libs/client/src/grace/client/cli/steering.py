"""`grace tasks cancel`, `release`, `retry`, `grace dead-letters` and `grace queues`."""

from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

letters = typer.Typer(help="Tasks that used up their attempts.", no_args_is_help=True)
queues = typer.Typer(help="What waits for each kernel.", no_args_is_help=True)

Reason = Annotated[str | None, typer.Option(help="For the record.")]
_NOBODY = "no worker has ever asked for tasks of {}: if that is not the kernel you mean, resume it"
Limit = Annotated[int, typer.Option(min=1, max=100)]


def add_to(app: typer.Typer) -> None:
    """Add the commands to those about tasks."""
    verb(app, "cancel")(cancel)
    verb(app, "release")(release)
    verb(app, "retry")(retry)


def cancel(context: typer.Context, task_id: str, reason: Reason = None) -> None:
    """Cancel a task at once, or tell the worker that holds it."""
    show(context, run(context, lambda grace: grace.cancel_task(task_id, reason=reason)))


def release(context: typer.Context, task_id: str, reason: Reason = None) -> None:
    """Queue a task that needs attention again."""
    show(context, run(context, lambda grace: grace.release_task(task_id, reason=reason)))


def retry(context: typer.Context, task_id: str, reason: Reason = None) -> None:
    """Do a failed task once more, as a new task."""
    show(context, run(context, lambda grace: grace.retry_task(task_id, reason=reason)))


@verb(letters, "list")
def list_letters(context: typer.Context, limit: Limit = 20, cursor: str | None = None) -> None:
    """List dead letters, newest first."""
    page = run(context, lambda grace: grace.dead_letters(limit=limit, cursor=cursor))
    columns = ("task_id", "type", "attempts", "error_message", "finished_at", "replayed_as")
    show_page(context, page, *columns)


@verb(letters, "replay")
def replay(context: typer.Context, task_id: str, reason: Reason = None) -> None:
    """Do a dead letter once more, as a new task."""
    retry(context, task_id, reason)


@verb(queues, "list")
def list_queues(context: typer.Context, limit: Limit = 20, cursor: str | None = None) -> None:
    """List queues, by kernel."""
    page = run(context, lambda grace: grace.queues(limit=limit, cursor=cursor))
    show_page(context, page, "kernel", "queued", "held", "paused_at", "paused_by", "asked_at")


@verb(queues, "pause")
def pause(context: typer.Context, kernel: str, reason: Reason = None) -> None:
    """Hand out no more tasks of a kernel; what runs ends. A word on stderr where no worker has it."""
    paused = run(context, lambda grace: grace.pause_queue(kernel, reason=reason))
    if paused.asked_at is None:
        typer.echo(_NOBODY.format(kernel), err=True)
    show(context, paused)


@verb(queues, "resume")
def resume(context: typer.Context, kernel: str, reason: Reason = None) -> None:
    """Hand out the tasks of a kernel again."""
    show(context, run(context, lambda grace: grace.resume_queue(kernel, reason=reason)))
