"""Standing approvals, and what was changed by them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.governance.domain.autonomy import Key
from grace.governance.domain.budgets import Trust
from grace.governance.store.autonomy.statements import QUERIES
from grace.kit import Record, Transaction


@dataclass(frozen=True, slots=True)
class Spent:
    """What a granted plan takes of a standing approval."""

    approval_id: str
    trust: Trust
    changes: int
    at: datetime


class Trusts:
    """The standing approvals, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock(self) -> None:
        """Let nobody else spend budgets until the transaction ends."""
        await self._tx.execute(QUERIES["lock_budgets"])

    async def open(self, keys: Collection[Key], *, now: datetime) -> list[Trust]:
        """Return those of these playbooks that still hold, locked."""
        rows = await self._tx.fetch(
            QUERIES["open_trusts"],
            tenant_id=[key.tenant_id for key in keys],
            playbook=[key.playbook for key in keys],
            target_class=[key.target_class for key in keys],
            now=now,
        )
        return [_trust(row) for row in rows]

    async def count_ending(self, within: timedelta) -> int:
        """Return how many end soon that were meant to last, and that nobody gave anew."""
        found: int = await self._tx.fetchval(QUERIES["count_ending_trusts"], within=within)
        return found

    async def recent(
        self, tenant_ids: Collection[str], *, since: datetime
    ) -> dict[tuple[str, str], int]:
        """Return how much was changed without asking, by tenant and class of targets."""
        rows = await self._tx.fetch(
            QUERIES["recent_changes"], tenant_ids=list(tenant_ids), since=since
        )
        return {(row["tenant_id"], row["target_class"]): row["changes"] for row in rows}

    async def is_approver(self, tenant_id: str, principal: str) -> bool:
        """Whether somebody may give their word in a tenant."""
        found: bool = await self._tx.fetchval(
            QUERIES["is_approver"], tenant_id=tenant_id, principal=principal.lower()
        )
        return found

    async def requesters(self, mission_ids: Collection[str]) -> dict[str, set[str]]:
        """Return who asked for missions besides those that their plans name."""
        rows = await self._tx.fetch(QUERIES["requesters_of"], mission_ids=list(mission_ids))
        found: dict[str, set[str]] = {}
        for row in rows:
            found.setdefault(row["mission_id"], set()).add(row["principal"])
        return found

    async def spend(self, spent: Spent) -> bool:
        """Take from a budget and keep for good what for. False where it carries it no more."""
        taken = await self._tx.execute(
            QUERIES["spend_trust"],
            standing_id=spent.trust.standing_id,
            changes=spent.changes,
            now=spent.at,
        )
        if taken == 0:
            return False
        await self._tx.execute(
            QUERIES["insert_unattended"],
            approval_id=spent.approval_id,
            standing_id=spent.trust.standing_id,
            tenant_id=spent.trust.key.tenant_id,
            target_class=spent.trust.key.target_class,
            changes=spent.changes,
            granted_at=spent.at,
        )
        return True

    async def insert(self, trust: Trust) -> None:
        """Keep a person's standing approval."""
        await self._tx.execute(
            QUERIES["insert_trust"],
            standing_id=trust.standing_id,
            tenant_id=trust.key.tenant_id,
            playbook=trust.key.playbook,
            target_class=trust.key.target_class,
            given_by=trust.given_by,
            given_at=trust.given_at,
            expires_at=trust.expires_at,
            budget=trust.budget,
            reason=trust.reason,
        )

    async def find(self, tenant_id: str, standing_id: str) -> Trust | None:
        """Return one of a tenant."""
        row = await self._tx.fetchrow(
            QUERIES["find_trust"], tenant_id=tenant_id, standing_id=standing_id
        )
        return None if row is None else _trust(row)

    async def revoke(self, tenant_id: str, standing_id: str, *, by: str, now: datetime) -> bool:
        """Take one back. False where it was taken back before."""
        rows = await self._tx.execute(
            QUERIES["revoke_trust"],
            tenant_id=tenant_id,
            standing_id=standing_id,
            revoked_by=by,
            now=now,
        )
        return rows == 1

    async def page(self, tenant_id: str, *, before: str | None, limit: int) -> list[Trust]:
        """Return a page of a tenant's, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_trusts"], tenant_id=tenant_id, before=before, limit=limit
        )
        return [_trust(row) for row in rows]


def _trust(row: Record) -> Trust:
    columns = dict(row)
    names = ("tenant_id", "playbook", "target_class")
    return Trust(key=Key(*(columns.pop(name) for name in names)), **columns)
