"""The options before every command, and the commands about the whole."""

from pathlib import Path
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page, show_parts
from grace.client.cli.session import FAILED, Format, Session, run, session_of
from grace.client.cli.verbs import verb

_LOCAL_KEY = Path(".grace/admin.key")


def _not_on_the_command_line(
    context: typer.Context, parameter: typer.CallbackParam, token: str | None
) -> str | None:
    source = context.get_parameter_source(str(parameter.name))
    if source is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter("everybody sees a command line: use --key-file")
    return token


def connect(
    context: typer.Context,
    *,
    url: Annotated[
        str, typer.Option(envvar="GRACE_URL", help="The gateway.")
    ] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str | None,
        typer.Option(envvar="GRACE_API_KEY", hidden=True, callback=_not_on_the_command_line),
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GRACE_API_KEY_FILE",
            help=f"A file with the API key; else GRACE_API_KEY, else {_LOCAL_KEY} for a gateway "
            "on this machine.",
        ),
    ] = None,
    output: Annotated[
        Format, typer.Option("--output", "-o", help="How answers are printed.")
    ] = Format.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --output json.")] = False,
) -> None:
    """Heals systems on its own, and can prove what it did."""
    context.obj = Session(
        url=url,
        token=api_key,
        key_file=key_file,
        local_key=_LOCAL_KEY,
        output=Format.JSON if as_json else output,
    )


def add_to(app: typer.Typer) -> None:
    """Add the commands that stand alone."""
    verb(app, "status")(status)
    verb(app, "alerts")(alerts)
    verb(app, "health")(health)
    verb(app, "learning")(learning)
    verb(app, "task", hidden=True)(show_task)


def status(context: typer.Context) -> None:
    """Show how everything is; exit code 1 where it is not healthy."""
    found = run(context, lambda grace: grace.dashboard())
    if session_of(context).output is Format.TABLE:
        show_parts(found, {
            "services": ("name", "status", "instances", "problems", "quarantined", "beat_at"),
            "components": ("name", "status", "detail"),
            "alerts": ("severity", "kind", "subject", "message", "raised_at"),
            "stress": ("suite", "runs", "failed", "error_rate", "p99_ms", "direction"),
        })  # fmt: skip
    else:
        show(context, found)
    if found.status != "healthy":
        raise typer.Exit(FAILED)


def alerts(
    context: typer.Context,
    status: Annotated[str | None, typer.Option(help="open, resolved or all")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100)] = 50,
    cursor: str | None = None,
) -> None:
    """List alerts, newest first: the open ones, where nothing else is said."""
    page = run(context, lambda grace: grace.alerts(status=status, limit=limit, cursor=cursor))
    show_page(context, page, "severity", "kind", "subject", "status", "message", "raised_at")


def health(context: typer.Context) -> None:
    """Tell which services answer; exit code 1 where one does not."""
    found = run(context, lambda grace: grace.health())
    show(context, found)
    if found.status != "up":
        raise typer.Exit(FAILED)


def learning(context: typer.Context) -> None:
    """Show how well each playbook has done."""
    found = run(context, lambda grace: grace.learning_summary())
    columns = ("playbook", "total_executions", "successful_executions", "confidence", "lower_bound")
    show_page(context, found.playbooks, *columns)


def show_task(context: typer.Context, task_id: str) -> None:
    """Show one task with its attempts."""
    show(context, run(context, lambda grace: grace.task(task_id)))
