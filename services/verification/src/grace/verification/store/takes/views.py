"""What others may see of the takes of a contract and of the late looks at it."""

import json
from collections.abc import Mapping

from grace.contracts.verification import TakeView, WatchView
from grace.kit import Record, Transaction
from grace.verification.domain.state import numbers
from grace.verification.store.measures import values_on_wire
from grace.verification.store.takes.statements import QUERIES

_MOST_TAKES = 1000
_MOST_VALUES = 20  # of a take: a thousand of them fit one answer


class ContractViews:
    """Reads, of one tenant each."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def mission_of(self, tenant_id: str, contract_id: str) -> str | None:
        """Return the mission of a contract, or None where the tenant has no such contract."""
        found: str | None = await self._tx.fetchval(
            QUERIES["contract_of_tenant"], tenant_id=tenant_id, contract_id=contract_id
        )
        return found

    async def takes(self, contract_id: str) -> tuple[TakeView, ...]:
        """Return the takes of a contract in the order in which they fall due."""
        rows = await self._tx.fetch(
            QUERIES["take_views"], contract_id=contract_id, most=_MOST_TAKES
        )
        return tuple(_take(row) for row in rows)

    async def watches(self, contract_id: str) -> tuple[WatchView, ...]:
        """Return the late looks at a contract."""
        rows = await self._tx.fetch(QUERIES["watch_views"], contract_id=contract_id)
        return tuple(WatchView(**dict(row)) for row in rows)


def _take(row: Record) -> TakeView:
    found: Mapping[str, float] = numbers(json.loads(row["measured"])) if row["measured"] else {}
    return TakeView(
        measure=row["measure"],
        number=row["number"],
        look=row["look"],
        status=row["status"],
        due_at=row["due_at"],
        ended_at=row["ended_at"],
        values=values_on_wire(dict(sorted(found.items())[:_MOST_VALUES])),
        reason=row["reason"][:1000] if row["reason"] else None,
    )
