"""`grace knowledge`: texts that Grace can find again."""

from pathlib import Path
from typing import Annotated

import typer

from grace.client.cli.documents import STDIN, read_text
from grace.client.cli.output import show, show_page
from grace.client.cli.session import Format, run, session_of
from grace.client.cli.verbs import verb
from grace.client.terminal import harmless

app = typer.Typer(help="Texts that Grace can find again.", no_args_is_help=True)

_COLUMNS = ("similarity", "title", "artifact_id", "chunk_position", "highlight")


@verb(app, "ingest")
def ingest(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A text in UTF-8; - reads stdin.")],
    *,
    title: Annotated[str | None, typer.Option(help="Else the name of the file.")] = None,
    artifact_type: Annotated[
        str, typer.Option("--type", help="document, runbook, postmortem ..")
    ] = "document",
    language: Annotated[str | None, typer.Option(help="How its words are stemmed.")] = None,
    key: Annotated[
        str | None, typer.Option("--idempotency-key", help="The same key is the same artifact.")
    ] = None,
) -> None:
    """Take a text in; the same text again is the same artifact."""
    if title is None and file == STDIN:
        raise typer.BadParameter("give --title: stdin has no name")
    text, named = read_text(file), title if title is not None else file.stem
    show(
        context,
        run(
            context,
            lambda grace: grace.ingest(
                text, named, artifact_type=artifact_type, language=language, key=key
            ),
        ),
    )


@verb(app, "search")
def search(
    context: typer.Context,
    query: Annotated[str, typer.Argument(help='Words; "a phrase", or, and -without are known.')],
    top_k: Annotated[int, typer.Option(min=1, max=50, help="The most passages.")] = 5,
) -> None:
    """Find the passages that fit best. Nothing found is an empty list, and no failure."""
    found = run(context, lambda grace: grace.search(query, top_k=top_k))
    if session_of(context).output is Format.TABLE:
        show_page(context, found.hits, *_COLUMNS)
        if found.note is not None:
            typer.echo(harmless(found.note), err=True)
    else:
        show(context, found)


@verb(app, "show")
def show_artifact(context: typer.Context, artifact_id: str) -> None:
    """Show one text as it was taken in."""
    show(context, run(context, lambda grace: grace.artifact(artifact_id)))


@verb(app, "stats")
def stats(context: typer.Context) -> None:
    """Show how much can be found, and by what."""
    show(context, run(context, lambda grace: grace.index_stats()))
