"""Snapshots: the state before an effect, encrypted at rest, opened for whoever decides."""

from dataclasses import dataclass, replace
from uuid import UUID

from grace.kit import Safe, SafeError, Transaction, new_id
from grace.verification.domain.facts import Snapshot
from grace.verification.domain.state import digest
from grace.verification.store.cases import Case
from grace.verification.store.statements import QUERIES

# What does not open is no state: its hash is not the one that was stored.
_CORRUPT = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted snapshot. The hash is that of the state itself."""

    snapshot_id: UUID
    content_hash: str
    before: str
    after: str | None


class Snapshots:
    """Snapshots inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert(self, case: Case, found: Sealed) -> None:
        """Store the before-state of an effect."""
        await self._tx.execute(
            QUERIES["insert_snapshot"],
            snapshot_id=found.snapshot_id,
            contract_id=case.contract_id,
            tenant_id=case.contract.tenant_id,
            content_hash=found.content_hash,
            state=found.before,
            after_state=found.after,
        )


def sealed(case: Case, safe: Safe, *, before: str, after: str | None) -> Sealed:
    """Return the before-state of an effect as it is stored, and what it left."""
    contract_id = case.contract_id
    return Sealed(
        snapshot_id=new_id(),
        content_hash=digest(before),
        before=safe.close(before, place=_place(contract_id, "before")),
        after=after and safe.close(after, place=_place(contract_id, "after")),
    )


def opened(case: Case, safe: Safe) -> Case:
    """Return a case with its snapshot readable; one that does not open is not intact."""
    stored = case.facts.snapshot
    if stored is None:
        return case
    before = _opened(safe, stored.before, _place(case.contract_id, "before"))
    after = stored.after and _opened(safe, stored.after, _place(case.contract_id, "after"))
    snapshot = Snapshot(stored.content_hash, before, after)
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
