"""`grace playbooks`: playbooks, and what they would do."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from grace.client.cli.documents import read_text
from grace.client.cli.output import show, show_page
from grace.client.cli.session import FAILED, run
from grace.client.cli.verbs import verb
from grace.client.models import Page

app = typer.Typer(help="Playbooks: checked, tested, taken into force.", no_args_is_help=True)

_AGO = re.compile(r"([1-9][0-9]{0,4})(m|h|d)")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A playbook in YAML.")]


@verb(app, "check")
def check(
    context: typer.Context, files: Annotated[list[Path], typer.Argument(exists=True)]
) -> None:
    """Tell what is wrong with playbooks, by file and line; exit code 1 where something is."""
    sound = [_is_sound(context, file) for file in files]
    if not all(sound):
        raise typer.Exit(FAILED)


def _is_sound(context: typer.Context, file: Path) -> bool:
    checked = run(context, lambda grace: grace.check_playbook(read_text(file)))
    show(context, checked)
    for problem in checked.problems:
        text = problem.text.removeprefix(f"line {problem.line}: ")
        typer.echo(f"{file}:{problem.line}: {text}", err=True)
    return checked.valid


@verb(app, "import")
def import_(context: typer.Context, file: File) -> None:
    """Take a playbook into force; its version is pinned to this text."""
    show(context, run(context, lambda grace: grace.import_playbook(read_text(file))))


@verb(app, "test")
def run_fixtures(
    context: typer.Context,
    file: File,
    fixtures: Annotated[
        Path | None, typer.Option(exists=True, help="Where absent: NAME.test.yaml beside it.")
    ] = None,
) -> None:
    """Run the fixtures of a playbook; exit code 1 where one fails."""
    beside = fixtures or file.with_suffix(".test.yaml")
    if not beside.is_file():
        raise typer.BadParameter(f"{beside} is not there: write it, or name it with --fixtures")
    tested = run(context, lambda grace: grace.run_fixtures(read_text(file), read_text(beside)))
    show_page(context, Page(tested.cases, None), "name", "passed", "problems")
    if not tested.passed:
        raise typer.Exit(FAILED)


@verb(app, "shadow")
def shadow(
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(exists=True, help="A playbook besides those in force.")
    ] = None,
    since: Annotated[str, typer.Option(help="How long ago: 12h, 30d.")] = "7d",
    limit: Annotated[int, typer.Option(min=1, max=500)] = 100,
) -> None:
    """Report what would have been done about recorded missions; nothing acts."""
    source = read_text(file) if file else None
    at = _ago(since)
    report = run(context, lambda grace: grace.run_shadow(source, since=at, limit=limit))
    show(context, report)


def _ago(text: str) -> datetime:
    found = _AGO.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not how long ago, such as 12h or 30d")
    return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
