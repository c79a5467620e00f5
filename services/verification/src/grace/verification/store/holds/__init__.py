"""Target holds: one plan at a time acts on a target, until its last verdict."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from grace.contracts.verification import TargetHold, WaitingContract
from grace.kit import Queries, Record, Transaction
from grace.verification.domain.contract import Contract
from grace.verification.store.contracts import Contracts

QUERIES = Queries.beside(__file__)

# In place of what belongs to another tenant.
_ELSEWHERE = "another-tenant"


class Holds:
    """Holds on targets, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def take(self, contract_ids: Sequence[str]) -> set[str]:
        """Take the targets of contracts; absent are those held by others, or waited for longer."""
        rows = await self._tx.fetch(QUERIES["take_holds"], contract_ids=list(contract_ids))
        return {row["contract_id"] for row in rows}

    async def holder(self, contract: Contract) -> str | None:
        """Return who holds a contract's target, as the contract's tenant may know it."""
        row = await self._tx.fetchrow(QUERIES["holder"], target=contract.action.target)
        if row is None:
            return None
        return str(row["contract_id"]) if row["tenant_id"] == contract.tenant_id else _ELSEWHERE

    async def release(self, contract_ids: Sequence[str]) -> list[str]:
        """Free the targets of contracts, unless other actions of their plans still have them.

        Returns the contracts that may have waited for one of them.
        """
        rows = await self._tx.fetch(QUERIES["free_holds"], contract_ids=list(contract_ids))
        free = [row["target"] for row in rows]
        return await Contracts(self._tx).nudge_waiting(free) if free else []

    async def release_outlived(self) -> list[tuple[str, str]]:
        """Free the targets of contracts that have ended; returns (target, contract)."""
        rows = await self._tx.fetch(QUERIES["release_outlived"])
        return [(row["target"], row["contract_id"]) for row in rows]

    async def listed(
        self, tenant_id: str, *, after: str | None, most: int, wait_at_most: timedelta
    ) -> list[TargetHold]:
        """Return a page of the targets that a tenant holds or waits for, with who of it waits for each."""
        rows = await self._tx.fetch(
            QUERIES["holds"],
            tenant_id=tenant_id,
            after=after,
            most=most,
            wait_at_most=wait_at_most,
        )
        return [_hold(row) for row in rows]


def _hold(row: Record) -> TargetHold:
    waiting = tuple(_waiting(each) for each in json.loads(row["waiting"]))
    return TargetHold(
        target=row["target"],
        contract_id=row["contract_id"] if row["is_own"] else _ELSEWHERE,
        mission_id=row["mission_id"] if row["is_own"] else _ELSEWHERE,
        status=row["status"],
        taken_at=row["taken_at"],
        waiting=waiting,
    )


def _waiting(found: Mapping[str, str]) -> WaitingContract:
    return WaitingContract(
        contract_id=found["contract_id"],
        mission_id=found["mission_id"],
        waiting_since=datetime.fromisoformat(found["waiting_since"]),
        waits_until=datetime.fromisoformat(found["waits_until"]),
    )
