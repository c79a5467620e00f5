"""What identity answers."""

from __future__ import annotations

from functools import partial

from grace.contracts.identity import (
    AppendRows,
    GetCheckpoint,
    GetProof,
    IssueKey,
    ListEntries,
    ReadRegistry,
)  # fmt: skip
from grace.identity.handlers import keys, log
from grace.identity.settings import Settings
from grace.kit import Rpc


def rpc(settings: Settings, keyring: keys.Keyring) -> Rpc:
    """The requests that identity answers."""
    heads = log.Heads(settings)
    return (
        Rpc()
        .on(IssueKey, partial(keys.on_issue, keyring))
        .on(ReadRegistry, keys.on_registry)
        .on_many(AppendRows, partial(log.on_append, log.Signers()))
        .direct(GetCheckpoint, partial(log.on_checkpoint, heads))
        .direct(GetProof, partial(log.on_proof, heads))
        .direct(ListEntries, log.on_entries)
    )
