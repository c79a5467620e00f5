"""Snapshots: the state before an effect, encrypted at rest, opened for whoever decides."""

from dataclasses import replace
from uuid import UUID

from grace.kit import Safe, SafeError, Transaction
from grace.verification.domain.facts import Snapshot
from grace.verification.domain.state import digest
from grace.verification.store.cases import Case
from grace.verification.store.statements import QUERIES

# What does not open is no state: its hash is not the one that was stored.
_CORRUPT = ""


class Snapshots:
    """Snapshots inside one transaction."""

    def __init__(self, tx: Transaction, safe: Safe) -> None:
        self._tx = tx
        self._safe = safe

    async def insert(self, case: Case, *, snapshot_id: UUID, before: str, after: str | None) -> str:
        """Store the before-state of an effect; returns its hash."""
        content_hash = digest(before)
        contract_id = case.contract_id
        await self._tx.execute(
            QUERIES["insert_snapshot"],
            snapshot_id=snapshot_id,
            contract_id=contract_id,
            tenant_id=case.contract.tenant_id,
            content_hash=content_hash,
            state=self._safe.close(before, place=_place(contract_id, "before")),
            after_state=after and self._safe.close(after, place=_place(contract_id, "after")),
        )
        return content_hash


def opened(case: Case, safe: Safe) -> Case:
    """Return a case with its snapshot readable; one that does not open is not intact."""
    sealed = case.facts.snapshot
    if sealed is None:
        return case
    before = _opened(safe, sealed.before, _place(case.contract_id, "before"))
    after = sealed.after and _opened(safe, sealed.after, _place(case.contract_id, "after"))
    snapshot = Snapshot(sealed.content_hash, before, after)
    return replace(case, facts=replace(case.facts, snapshot=snapshot))


def _opened(safe: Safe, text: str, place: str) -> str:
    if text.startswith("{"):  # stored before snapshots were encrypted
        return text
    try:
        return safe.open(text, place=place)
    except SafeError:
        return _CORRUPT


def _place(contract_id: str, word: str) -> str:
    return f"safe_hold_snapshots|{contract_id}|{word}"
