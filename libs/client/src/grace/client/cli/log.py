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
LogKey = Annotated[
    str | None,
    typer.Option(
        help="The log's public key, as `grace log checkpoint` showed it earlier: only a key "
        "of yours shows that the whole log was not exchanged."
    ),
]
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


@verb(app, "keys")
def keys(context: typer.Context, log_key: LogKey = None) -> None:
    """Check the whole log and list the keys that it introduces; keep them for `verify --keys`."""
    found = run(context, lambda grace: evidence.keys_of(grace, log_key))
    show_page(context, found, "index", "key_id", "component", "valid_from", "ended_at")


@verb(app, "verify")
def verify(
    context: typer.Context,
    *,
    index: Index = None,
    message_id: MessageId = None,
    proof: Annotated[
        Path | None, typer.Option(help="Check this saved proof with --log-key; nobody is asked.")
    ] = None,
    log_key: LogKey = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            help="Keys that `grace --json log keys` told earlier: any other key in the log is a "
            "failure, and a single entry's signature is checked with them."
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
    """Check the log here: its signed head, every entry and its signature, or the one that is named."""
    if sum(each is not None for each in (index, message_id, proof, kept)) > 1:
        raise typer.BadParameter("give one of --index, --message-id, --proof and --kept")
    pinned = None if keys is None else evidence.read_keys(keys)
    if proof is not None:
        _tell(context, evidence.of_saved(proof, log_key, pinned))
    elif index is not None or message_id is not None:
        _tell(
            context, run(context, lambda g: evidence.of_one(g, index, message_id, log_key, pinned))
        )
    else:
        _tell(context, run(context, lambda grace: evidence.of_all(grace, log_key, kept, pinned)))


def _tell(context: typer.Context, found: evidence.Evidence) -> None:
    """What could not be checked is said on stderr, too: `verified` is of the entries and the head."""
    show(context, found)
    if found.not_checkable:
        typer.echo(f"grace: {found.not_checkable}", err=True)
