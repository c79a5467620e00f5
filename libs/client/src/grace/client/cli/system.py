"""The options before every command, and the commands about the whole."""

from pathlib import Path
from typing import Annotated

import typer

from grace.client.cli.output import show, show_page
from grace.client.cli.session import FAILED, Session, read_token, run

_LOCAL_KEY = Path(".grace/admin.key")


def connect(
    context: typer.Context,
    *,
    url: Annotated[
        str, typer.Option(envvar="GRACE_URL", help="The gateway.")
    ] = "http://127.0.0.1:8000",
    api_key: Annotated[
        str | None, typer.Option(envvar="GRACE_API_KEY", help="The API key; a file is safer.")
    ] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            envvar="GRACE_API_KEY_FILE", help=f"A file with the API key; else {_LOCAL_KEY}."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Heals systems on its own, and can prove what it did."""
    context.obj = Session(url, read_token(api_key, key_file, _LOCAL_KEY), as_json)


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


def task(context: typer.Context, task_id: str) -> None:
    """Show one task with its attempts."""
    show(context, run(context, lambda grace: grace.task(task_id)))
