"""`grace log`: the immutable log and its proofs."""

from pathlib import Path
from typing import Annotated

import typer

from grace.client.cli import evidence
from grace.client.cli.output import show, show_page
from grace.client.cli.session import run
from grace.client.cli.verbs import verb

app = typer.Typer(help="The immutable log and its proofs.", no_args_is_help=True)

Index = Annotated[int | None, typer.Option(min=0, help="The entry's index.")]
MessageId = Annotated[str | None, typer.Option(help="The message that the entry is.")]


@verb(app, "checkpoint")
def checkpoint(context: typer.Context) -> None:
    """Show the newest signed head."""
    show(context, run(context, lambda grace: grace.checkpoint()))


@verb(app, "proof")
def proof(context: typer.Context, index: Index = None, message_id: MessageId = None) -> None:
    """Show the proof that an entry is in the log; `grace log verify --proof` checks it offline."""
    if (index is None) == (message_id is None):
        raise typer.BadParameter("give either --index or --message-id")
    show(context, run(context, lambda grace: grace.proof(index=index, message_id=message_id)))


@verb(app, "entries")
def entries(
    context: typer.Context,
    start: Annotated[int, typer.Option(min=0)] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """List entries."""
    found = run(context, lambda grace: grace.entries(start=start, limit=limit))
    show_page(context, found, "index", "at", "producer", "subject", "message_id")


@verb(app, "verify")
def verify(
    context: typer.Context,
    *,
    index: Index = None,
    message_id: MessageId = None,
    proof: Annotated[
        Path | None, typer.Option(help="Check this saved proof with --log-key; nobody is asked.")
    ] = None,
    log_key: Annotated[
        str | None,
        typer.Option(
            help="The log's public key, as `grace log checkpoint` showed it earlier: only a key "
            "of yours shows that the whole log was not exchanged."
        ),
    ] = None,
    kept: Annotated[
        Path | None,
        typer.Option(
            help="A head that `grace --json log checkpoint` told earlier: the whole log must begin "
            "with what it stands for, or it was cut off or written anew."
        ),
    ] = None,
) -> None:
    """Check the log here: its signed head and every entry, or the one entry that is named."""
    if sum(each is not None for each in (index, message_id, proof, kept)) > 1:
        raise typer.BadParameter("give one of --index, --message-id, --proof and --kept")
    if proof is not None:
        show(context, evidence.of_saved(proof, log_key))
    elif index is not None or message_id is not None:
        show(context, run(context, lambda g: evidence.of_one(g, index, message_id, log_key)))
    else:
        show(context, run(context, lambda grace: evidence.of_all(grace, log_key, kept)))
