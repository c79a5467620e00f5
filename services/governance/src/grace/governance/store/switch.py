"""The one row that says whether anything may act, and the orders that made it so."""

from grace.governance.domain.kill_switch import Order, Switch
from grace.governance.domain.permits import Permit
from grace.governance.store.statements import QUERIES
from grace.kit import Record, Transaction


class Switches:
    """The kill switch, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def read_permit(self) -> Permit | None:
        """Return what workers may do, or None where nobody knows."""
        row = await self._tx.fetchrow(QUERIES["read_permit"])
        return None if row is None else Permit(**row)

    async def read(self) -> Switch | None:
        """Return how the switch stands, or None where nobody knows."""
        row = await self._tx.fetchrow(QUERIES["read_switch"])
        return None if row is None else _switch(row)

    async def lock(self) -> Switch | None:
        """Return how the switch stands; nobody else turns it until the transaction ends."""
        row = await self._tx.fetchrow(QUERIES["lock_switch"])
        return None if row is None else _switch(row)

    async def turn(self, turned: Switch) -> bool:
        """Keep a new version with its order. False when another was faster."""
        rows = await self._tx.execute(
            QUERIES["turn_switch"],
            version=turned.version,
            allowed=not turned.is_on,
            reverts_allowed=not turned.hard,
            changed_at=turned.changed_at,
            changed_by=turned.changed_by,
            reason=turned.reason,
        )
        return rows == 1

    async def orders(self, limit: int) -> list[Order]:
        """Return the last orders, newest first."""
        rows = await self._tx.fetch(QUERIES["list_switch_orders"], limit=limit)
        return [Order(**row) for row in rows]


def _switch(row: Record) -> Switch:
    return Switch(
        version=row["version"],
        is_on=not row["allowed"],
        hard=not row["reverts_allowed"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        reason=row["reason"],
    )
