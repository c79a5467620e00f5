"""What `grace log verify` checks, where grace.transparency is installed."""

import importlib
import importlib.util
from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeVar

import typer
from pydantic import BaseModel, TypeAdapter, ValidationError

from grace.client.cli.documents import read_text
from grace.client.cli.output import progress
from grace.client.cli.session import exit_code, fail
from grace.client.errors import GraceClientError
from grace.client.sync import SyncGrace
from grace.contracts.identity import Checkpoint, Proof
from grace.contracts.scalars import Bytes

if TYPE_CHECKING:
    from grace.client.proofs import Pinned, Proven
    from grace.transparency import Checkpoint as Head
    from grace.transparency import KnownKey, Range, Signatures

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
    signatures_checked: int = 0
    signatures_late: int = 0
    signatures_not_checkable: int = 0
    not_checkable: str | None = None
    kept_size: int | None = None
    index: int | None = None
    subject: str | None = None
    message_id: str | None = None
    signed_by: str | None = None


class LogKey(BaseModel):
    """A public key as the log tells of it, and by which entry."""

    index: int
    key_id: str
    component: str
    public_key: Bytes
    valid_from: datetime
    ended_at: datetime | None = None
    end_reason: str | None = None


def of_all(
    grace: SyncGrace, log_key: str | None, kept_file: Path | None, pinned: "Pinned | None"
) -> Evidence:
    """Check the head, every entry under it and its signature, and that they begin with what was kept."""
    proofs, kept = _proofs(), None
    if kept_file is not None:
        saved = _saved(kept_file, Checkpoint, "log checkpoint")
        kept = proofs.check_head(saved, saved.verifier_key)  # the file is ours
    head, key, signatures = _read(grace, log_key, kept, pinned)
    return Evidence(
        origin=head.origin,
        size=head.size,
        root=head.root.hex(),
        log_key=key,
        log_key_was_given=log_key is not None,
        entries=head.size,
        signatures_checked=signatures.checked,
        signatures_late=signatures.late,
        signatures_not_checkable=signatures.not_checkable,
        not_checkable="; ".join(_unchecked(signatures)) or None,
        kept_size=kept and kept.size,
    )


def keys_of(grace: SyncGrace, log_key: str | None) -> list[LogKey]:
    """Check the whole log, and return the keys that it introduces."""
    _, _, signatures = _read(grace, log_key, None, None)
    return [_log_key(each) for each in signatures.keys.values()]


def _read(
    grace: SyncGrace, log_key: str | None, kept: "Head | None", pinned: "Pinned | None"
) -> "tuple[Head, str, Signatures]":
    """Read the whole log; returns only where all of it holds that can be checked."""
    proofs, checkpoint = _proofs(), grace.checkpoint()
    key = checkpoint.verifier_key if log_key is None else log_key
    head, signatures = proofs.check_head(checkpoint, key), proofs.signatures_for(log_key, pinned)
    with progress(f"checking {head.size} entries"):
        entries = islice(grace.each_entry(limit=head.size, leaves=True), head.size)
        proofs.check_entries(entries, head, kept, signatures)
    proofs.check_signatures(signatures, key, pinned)
    return head, key, signatures


def read_keys(file: Path) -> "Pinned":
    """Return the keys that somebody kept. BadParameter where the file is none of `log keys`."""
    try:
        kept = TypeAdapter(list[LogKey]).validate_json(read_text(file))
    except ValidationError:
        raise typer.BadParameter(f"{file} is no `grace --json log keys`") from None
    return {each.key_id: (each.component, each.public_key) for each in kept}


def of_one(
    grace: SyncGrace,
    index: int | None,
    message_id: str | None,
    log_key: str | None,
    pinned: "Pinned | None",
) -> Evidence:
    """Check the proof of one entry. NotProven where it is the proof of another one."""
    proofs, found = _proofs(), grace.proof(index=index, message_id=message_id)
    proven = proofs.check_proof(
        found, found.checkpoint.verifier_key if log_key is None else log_key
    )
    if index not in (None, proven.index) or message_id not in (None, proven.leaf.message_id):
        raise proofs.NotProven("the proof is of another entry than the one that was asked for")
    return _of(proven, found, log_key, pinned)


def of_saved(file: Path, log_key: str | None, pinned: "Pinned | None") -> Evidence:
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
        return _of(proofs.check_proof(found, log_key), found, log_key, pinned)
    except GraceClientError as error:
        fail(str(error), exit_code(error))


def _unchecked(signatures: "Signatures") -> Iterator[str]:
    """Why some signatures could not be checked, for people."""
    older, hidden = signatures.unrecorded, signatures.hidden
    if older.count:
        yield _told(older, "older than the log's knowledge of their keys")
    if hidden.count:
        yield _told(hidden, "not shown: other tenants', or the server is an older one")


def _told(leaves: "Range", why: str) -> str:
    where = f"entries {leaves.first} to {leaves.last}"
    return f"{leaves.count} signatures could not be checked ({where}): {why}"


def _log_key(known: "KnownKey") -> LogKey:
    logged, ended = known.logged, known.ended
    return LogKey(
        index=known.index,
        key_id=logged.key_id,
        component=logged.component,
        public_key=logged.public_key,
        valid_from=logged.valid_from,
        ended_at=ended.ended_at if ended else None,
        end_reason=ended.reason if ended else None,
    )


def _saved(file: Path, model: type[M], words: str) -> M:
    try:
        return model.model_validate_json(read_text(file))
    except ValidationError:
        raise typer.BadParameter(f"{file} is no `grace --json {words}`") from None


def _proofs() -> ModuleType:
    if importlib.util.find_spec(_MODULE) is None:
        raise typer.BadParameter("install grace-client[verify]: grace.transparency checks proofs")
    return importlib.import_module("grace.client.proofs")


def _of(proven: "Proven", proof: Proof, log_key: str | None, pinned: "Pinned | None") -> Evidence:
    """Its signature is checked by somebody's own keys only: an entry alone introduces none."""
    if pinned is not None:
        _proofs().check_signature(proven.leaf, pinned)
    lacks = "1 signature was not checked: give --keys, or verify the whole log"
    return Evidence(
        origin=proven.head.origin,
        size=proven.head.size,
        root=proven.head.root.hex(),
        log_key=proof.checkpoint.verifier_key if log_key is None else log_key,
        log_key_was_given=log_key is not None,
        entries=1,
        signatures_checked=int(pinned is not None),
        signatures_not_checkable=int(pinned is None),
        not_checkable=lacks if pinned is None else None,
        index=proven.index,
        subject=proven.leaf.subject,
        message_id=proven.leaf.message_id,
        signed_by=proven.leaf.key_id,
    )
