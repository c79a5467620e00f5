"""Capacity and quotas as they are set, and what is held under them."""

from grace.htm.domain.holdings import Holdings, holdings_of
from grace.htm.domain.shares import Quota, Shares
from grace.htm.store.fairness.statements import QUERIES
from grace.kit import Transaction


class Quotas:
    """Who may hold how much, and who does, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find_shares(self) -> Shares:
        """Capacity and quotas as they are now."""
        rows = await self._tx.fetch(QUERIES["find_shares"])
        quotas = {
            row["origin"]: Quota(row["origin"], row["share_percent"], row["weight"], row["lends"])
            for row in rows
            if row["origin"] is not None
        }
        return Shares(rows[0]["capacity"], quotas)

    async def count_held(self) -> Holdings:
        """What workers hold at this moment."""
        rows = await self._tx.fetch(QUERIES["count_held"])
        return holdings_of(
            {(row["tenant_id"], row["origin"], row["lane"]): row["held"] for row in rows}
        )

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
