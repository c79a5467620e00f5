"""Capacity and quotas as they are set, and what is held under them."""

from typing import Any

from grace.htm.domain.holdings import Holdings, holdings_of
from grace.htm.domain.shares import Quota, Shares
from grace.htm.store.fairness.statements import QUERIES
from grace.kit import Record, Transaction


class Quotas:
    """Who may hold how much, and who does, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find_standing(self) -> tuple[Shares, Holdings]:
        """Capacity and quotas as they are now, and what workers hold at this moment."""
        (row,) = await self._tx.fetch(QUERIES["find_standing"])
        given = _rows(row, "quotas", "shares", "weights", "lends")
        shares = Shares(row["capacity"], {quota[0]: Quota(*quota) for quota in given})
        held = _rows(row, "tenants", "origins", "lanes", "counts")
        return shares, holdings_of({(t, origin, lane): n for t, origin, lane, n in held})

    async def set_shares(self, shares: Shares) -> None:
        """Put these in the place of what was set before."""
        quotas = list(shares.quotas.values())
        await self._tx.execute(QUERIES["set_capacity"], capacity=shares.capacity)
        await self._tx.execute(QUERIES["drop_quotas"])
        await self._tx.execute(
            QUERIES["insert_quotas"],
            origins=[quota.origin for quota in quotas],
            shares=[quota.share_percent for quota in quotas],
            weights=[quota.weight for quota in quotas],
            lends=[quota.lends for quota in quotas],
        )


def _rows(row: Record, *columns: str) -> list[tuple[Any, ...]]:
    """What came as one array per column; no rows come as no array."""
    return list(zip(*(row[column] or () for column in columns), strict=True))
