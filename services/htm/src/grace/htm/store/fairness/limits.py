"""Limits of keys: read and spent by claims, set by operators."""

from collections.abc import Collection, Mapping

from grace.contracts.htm import Limit as LimitMessage
from grace.htm.domain.holdings import LimitedKey
from grace.htm.domain.limits import Limit
from grace.htm.store.fairness.statements import QUERIES
from grace.kit import Record, Transaction


class Limits:
    """The limits of keys, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock_limits(self, keys: Collection[LimitedKey]) -> Mapping[LimitedKey, Limit]:
        """The limits that these keys have, locked until the transaction ends."""
        if not keys:
            return {}
        rows = await self._tx.fetch(
            QUERIES["lock_limits"],
            tenants=[tenant_id for tenant_id, _ in keys],
            keys=[key for _, key in keys],
        )
        return {(row["tenant_id"], row["key"]): _limit(row) for row in rows}

    async def list_limits(self, tenant_id: str, *, after: str, most: int) -> list[LimitMessage]:
        """A page of a tenant's limits, behind a key."""
        rows = await self._tx.fetch(
            QUERIES["list_limits"], tenant_id=tenant_id, after=after, most=most
        )
        return [LimitMessage(**row) for row in rows]

    async def set_limit(
        self,
        limited: LimitedKey,
        *,
        concurrency: int | None,
        rate_per_second: float | None,
        burst: int | None,
    ) -> LimitMessage:
        """Give a key its limit; from the next claim on."""
        (row,) = await self._tx.fetch(
            QUERIES["set_limit"],
            tenant_id=limited[0],
            key=limited[1],
            concurrency=concurrency,
            rate=rate_per_second,
            burst=burst,
        )
        return LimitMessage(**row)

    async def drop_limit(self, limited: LimitedKey) -> LimitMessage | None:
        """Take a key's limit away; None where it had none."""
        row = await self._tx.fetchrow(QUERIES["drop_limit"], tenant_id=limited[0], key=limited[1])
        return LimitMessage(**row) if row else None


def _limit(row: Record) -> Limit:
    return Limit(
        concurrency=row["concurrency"],
        rate_per_second=row["rate_per_second"],
        burst=row["burst"],
        tokens=row["tokens"],
        refilled_at=row["refilled_at"],
        read_at=row["read_at"],
    )
