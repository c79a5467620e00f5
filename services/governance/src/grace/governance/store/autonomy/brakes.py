"""The brakes of tenants, and how often targets were acted on without people."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from grace.governance.domain.brake import Brake, never_pulled
from grace.governance.store.autonomy.statements import QUERIES
from grace.kit import Record, Transaction


@dataclass(frozen=True, slots=True)
class BrakeTurn:
    """One turn of a brake, as it is kept for good."""

    version: int
    is_on: bool
    turned_at: datetime
    turned_by: str
    reason: str


class Brakes:
    """The brakes, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def pulled(self, tenant_ids: Collection[str]) -> set[str]:
        """Return which of these tenants' brakes are on."""
        rows = await self._tx.fetch(QUERIES["pulled_brakes"], tenant_ids=list(tenant_ids))
        return {row["tenant_id"] for row in rows}

    async def find(self, tenant_id: str) -> Brake:
        """Return how a tenant's brake stands."""
        row = await self._tx.fetchrow(QUERIES["find_brake"], tenant_id=tenant_id)
        return never_pulled(tenant_id) if row is None else _brake(row)

    async def lock(self, tenant_ids: Collection[str]) -> dict[str, Brake]:
        """Return how all of these stand, locked until the transaction ends."""
        begin, wanted = never_pulled(""), list(tenant_ids)
        await self._tx.execute(
            QUERIES["begin_brakes"],
            tenant_ids=wanted,
            changed_by=begin.changed_by,
            reason=begin.reason,
        )
        rows = await self._tx.fetch(QUERIES["lock_brakes"], tenant_ids=wanted)
        return {row["tenant_id"]: _brake(row) for row in rows}

    async def set(self, before: Brake, now: Brake) -> None:
        """Keep how a locked brake stands; a turn is kept for good beside."""
        told = {
            "tenant_id": now.tenant_id,
            "is_on": now.is_on,
            "version": now.version,
            "changed_at": now.changed_at,
            "changed_by": now.changed_by,
            "reason": now.reason,
        }
        await self._tx.execute(QUERIES["set_brake"], failed_at=list(now.failed_at), **told)
        if now.version > before.version:
            await self._tx.execute(QUERIES["insert_brake_turn"], **told)

    async def turns(self, tenant_id: str, *, limit: int) -> list[BrakeTurn]:
        """Return the last turns, newest first."""
        rows = await self._tx.fetch(QUERIES["list_brake_turns"], tenant_id=tenant_id, limit=limit)
        return [BrakeTurn(**row) for row in rows]

    async def count_on(self) -> int:
        """Return how many tenants' brakes are on."""
        found: int = await self._tx.fetchval(QUERIES["count_brakes"])
        return found


class Turns:
    """How often targets were acted on, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def recent(self, targets: Collection[str], *, since: datetime) -> dict[str, int]:
        """Return how often since a moment; those never acted on are left out."""
        rows = await self._tx.fetch(QUERIES["recent_turns"], targets=list(targets), since=since)
        return {row["target"]: row["turns"] for row in rows}

    async def take(
        self, taken: Mapping[str, int], *, budget: int, since: datetime, now: datetime
    ) -> bool:
        """Keep actions on targets. False where a budget carries them no more."""
        rows = await self._tx.execute(
            QUERIES["take_turns"],
            targets=list(taken),
            actions=list(taken.values()),
            budget=budget,
            since=since,
            now=now,
        )
        return rows == len(taken)


def _brake(row: Record) -> Brake:
    return Brake(**{**row, "failed_at": tuple(row["failed_at"])})
