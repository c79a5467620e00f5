"""`grace chat`: a question in plain words."""

from collections.abc import Iterator
from typing import Annotated

import typer

from grace.client.cli.output import show
from grace.client.cli.session import Format, run, session_of
from grace.client.cli.verbs import verb
from grace.client.models import ChatAnswer
from grace.client.terminal import harmless

_NOT_ALL = 6


def add_to(app: typer.Typer) -> None:
    """Add the command, which stands alone."""
    verb(app, "chat")(chat)


def chat(
    context: typer.Context,
    question: Annotated[
        str, typer.Argument(help="In plain words; `help` tells what can be asked.")
    ],
) -> None:
    """Tell what Grace knows of a question, and where from; nothing is done. 6 where a part is missing."""
    found = run(context, lambda grace: grace.chat(question))
    if session_of(context).output is Format.TABLE:
        typer.echo(harmless(found.answer))
        for line in _based_on(found):
            typer.echo(harmless(line))
    else:
        show(context, found)
    if found.degraded:
        raise typer.Exit(_NOT_ALL)


def _based_on(found: ChatAnswer) -> Iterator[str]:
    sources = [source for part in found.parts for source in part.sources]
    if sources:
        yield ""
    for source in sources:
        title = f" ({source.title})" if source.title else ""
        yield " ".join(["based on", source.route, *source.ids]) + title
