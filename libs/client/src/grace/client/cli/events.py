"""`grace events`: what happens, while it happens."""

import json
from itertools import islice
from typing import Annotated

import typer

from grace.client.cli.output import show_next
from grace.client.cli.readers import while_somebody_reads
from grace.client.cli.session import run
from grace.client.cli.verbs import verb
from grace.client.sync import SyncGrace

app = typer.Typer(help="What happens, while it happens.", no_args_is_help=True)


@verb(app, "follow")
def follow(
    context: typer.Context,
    subject: Annotated[
        list[str] | None, typer.Option(help="Only these; may be given several times.")
    ] = None,
    after: Annotated[str | None, typer.Option(help="Begin behind the event with this id.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after so many.")] = None,
) -> None:
    """Print each event until Ctrl-C, over lost connections too. JSON is one object a line."""

    def printing(grace: SyncGrace) -> None:
        for event in islice(grace.follow(subjects=subject or (), after=after), limit):
            line = f"{event.id} {event.subject} {json.dumps(event.data)}"
            show_next(context, event.model_dump(mode="json"), line)

    with while_somebody_reads():
        run(context, printing)
