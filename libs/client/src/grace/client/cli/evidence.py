"""What `grace log verify` checks, where grace.transparency is installed."""

import importlib
import importlib.util
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import typer
from pydantic import BaseModel, ValidationError

from grace.client.cli.documents import read_text
from grace.client.cli.output import progress
from grace.client.cli.session import exit_code, fail
from grace.client.errors import GraceClientError
from grace.client.sync import SyncGrace
from grace.contracts.identity import Checkpoint, Proof

if TYPE_CHECKING:
    from grace.client.proofs import Proven

M = TypeVar("M", bound=BaseModel)

_MODULE = "grace.transparency"


class Evidence(BaseModel):
    """What was proven, and against which head. There is none where it does not hold."""

    verified: bool = True
    origin: str
    size: int
    root: str
    log_key: str
    log_key_was_given: bool
    entries: int
    kept_size: int | None = None
    index: int | None = None
    subject: str | None = None
    message_id: str | None = None
    signed_by: str | None = None


def of_all(grace: SyncGrace, log_key: str | None, kept_file: Path | None) -> Evidence:
    """Check the head and every entry under it, and that they begin with what was kept."""
    proofs, kept = _proofs(), None
    if kept_file is not None:
        saved = _saved(kept_file, Checkpoint, "log checkpoint")
        kept = proofs.check_head(saved, saved.verifier_key)  # the file is ours
    checkpoint = grace.checkpoint()
    key = checkpoint.verifier_key if log_key is None else log_key
    head = proofs.check_head(checkpoint, key)
    with progress(f"checking {head.size} entries"):
        entries = islice(grace.each_entry(limit=head.size), head.size)
        count = proofs.check_entries(entries, head, kept)
    return Evidence(
        origin=head.origin,
        size=head.size,
        root=head.root.hex(),
        log_key=key,
        log_key_was_given=log_key is not None,
        entries=count,
        kept_size=kept and kept.size,
    )


def of_one(
    grace: SyncGrace, index: int | None, message_id: str | None, log_key: str | None
) -> Evidence:
    """Check the proof of one entry. NotProven where it is the proof of another one."""
    proofs, found = _proofs(), grace.proof(index=index, message_id=message_id)
    proven = proofs.check_proof(
        found, found.checkpoint.verifier_key if log_key is None else log_key
    )
    if index not in (None, proven.index) or message_id not in (None, proven.leaf.message_id):
        raise proofs.NotProven("the proof is of another entry than the one that was asked for")
    return _of(proven, found, log_key)


def of_saved(file: Path, log_key: str | None) -> Evidence:
    """Check a proof that was saved earlier, without asking anybody.

    Against a key that came another way: with its own key anybody's proof holds.
    """
    proofs = _proofs()
    if log_key is None:
        raise typer.BadParameter(
            "give --log-key, too: a file that brings its own key proves nothing"
        )
    found = _saved(file, Proof, "log proof")
    try:
        return _of(proofs.check_proof(found, log_key), found, log_key)
    except GraceClientError as error:
        fail(str(error), exit_code(error))


def _saved(file: Path, model: type[M], words: str) -> M:
    try:
        return model.model_validate_json(read_text(file))
    except ValidationError:
        raise typer.BadParameter(f"{file} is no `grace --json {words}`") from None


def _proofs() -> ModuleType:
    if importlib.util.find_spec(_MODULE) is None:
        raise typer.BadParameter("install grace-client[verify]: grace.transparency checks proofs")
    return importlib.import_module("grace.client.proofs")


def _of(proven: "Proven", proof: Proof, log_key: str | None) -> Evidence:
    return Evidence(
        origin=proven.head.origin,
        size=proven.head.size,
        root=proven.head.root.hex(),
        log_key=proof.checkpoint.verifier_key if log_key is None else log_key,
        log_key_was_given=log_key is not None,
        entries=1,
        index=proven.index,
        subject=proven.leaf.subject,
        message_id=proven.leaf.message_id,
        signed_by=proven.leaf.key_id,
    )
