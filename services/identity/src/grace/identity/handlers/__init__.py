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
    return (
        Rpc()
        .on(IssueKey, partial(keys.on_issue, keyring))
        .on(ReadRegistry, keys.on_registry)
        .on_many(AppendRows, log.on_append)
        .on(GetCheckpoint, partial(log.on_checkpoint, settings))
        .on(GetProof, partial(log.on_proof, settings))
        .on(ListEntries, log.on_entries)
    )
