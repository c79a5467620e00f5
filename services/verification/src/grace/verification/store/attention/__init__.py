"""Contracts that rest until a person decides, inside one transaction."""

import json
from dataclasses import asdict

from grace.kit import Queries, Transaction
from grace.verification.domain.choice import Chosen
from grace.verification.domain.conflict import Difference
from grace.verification.store.cases import Case

QUERIES = Queries.beside(__file__)


class Attention:
    """What people are shown, and what they chose."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def attended(self, tenant_id: str, mission_id: str) -> str | None:
        """Return the contract of a mission that rests, and lock it; None where there is none."""
        found: str | None = await self._tx.fetchval(
            QUERIES["attended"], tenant_id=tenant_id, mission_id=mission_id
        )
        return found

    async def choose(self, contract_id: str, chosen: Chosen) -> bool:
        """Keep a choice, which is due at once; False when somebody chose before."""
        found = await self._tx.fetchval(
            QUERIES["choose"],
            contract_id=contract_id,
            choice=chosen.choice,
            chosen_by=chosen.by,
            chosen_why=chosen.why,
        )
        return found is not None

    async def note_refusal(self, case: Case, refusal: str) -> None:
        """Keep why a revert was refused, until the world has been looked at."""
        await self._tx.execute(
            QUERIES["note_refusal"], contract_id=case.contract_id, refusal=refusal
        )

    async def note_conflict(self, case: Case, found: tuple[Difference, ...]) -> None:
        """Keep what stands against a rollback; what was chosen before is done with."""
        await self._tx.execute(
            QUERIES["note_conflict"],
            contract_id=case.contract_id,
            conflict=json.dumps([asdict(each) for each in found]) if found else None,
        )

    async def begin_again(self, case: Case) -> None:
        """Count one more revert; what stood against the last one is done with."""
        await self._tx.execute(QUERIES["begin_again"], contract_id=case.contract_id)
