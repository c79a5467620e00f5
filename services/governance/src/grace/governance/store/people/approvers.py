"""Who has a seat among the approvers of a tenant."""

from dataclasses import dataclass
from datetime import datetime

from grace.governance.store.people.statements import QUERIES
from grace.kit import Record, Transaction


@dataclass(frozen=True, slots=True)
class Approver:
    """One person and the group that they speak for."""

    tenant_id: str
    principal: str
    group_name: str
    seated_by: str
    seated_at: datetime
    removed_by: str | None = None
    removed_at: datetime | None = None


class Approvers:
    """The table of approvers, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def page(self, tenant_id: str, *, after: str | None, limit: int) -> list[Approver]:
        """Return a page, by name."""
        rows = await self._tx.fetch(
            QUERIES["list_approvers"], tenant_id=tenant_id, after=after, limit=limit
        )
        return [Approver(**row) for row in rows]

    async def find(self, tenant_id: str, principal: str) -> Approver | None:
        """Return one person who has or had a seat."""
        row = await self._tx.fetchrow(
            QUERIES["find_approver"], tenant_id=tenant_id, principal=principal
        )
        return _approver(row)

    async def seat(
        self, tenant_id: str, principal: str, group_name: str, *, actor: str, at: datetime
    ) -> Approver | None:
        """Give a seat. None where the person has this very one."""
        row = await self._tx.fetchrow(
            QUERIES["seat_approver"],
            tenant_id=tenant_id,
            principal=principal,
            group_name=group_name,
            actor=actor,
            at=at,
        )
        return _approver(row)

    async def remove(
        self, tenant_id: str, principal: str, *, actor: str, at: datetime
    ) -> Approver | None:
        """Take a seat away. None where there is none."""
        row = await self._tx.fetchrow(
            QUERIES["remove_approver"], tenant_id=tenant_id, principal=principal, actor=actor, at=at
        )
        return _approver(row)


def _approver(row: Record | None) -> Approver | None:
    return None if row is None else Approver(**row)
