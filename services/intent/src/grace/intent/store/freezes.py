"""Change freezes, inside one transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.freeze import Freeze, Mode, Weekly
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction
from grace.kit.sql import Record


@dataclass(frozen=True, slots=True)
class Declared:
    """A freeze with who declared it, and who ended it."""

    freeze: Freeze
    declared_by: str
    declared_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class Freezes:
    """The freezes, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def declare(self, freeze: Freeze, declared_by: str) -> Declared:
        """Keep a new freeze."""
        weekly = freeze.weekly
        row = await self._tx.fetchrow(
            QUERIES["declare_freeze"],
            freeze_id=freeze.freeze_id,
            tenant_id=freeze.tenant_id,
            reason=freeze.reason,
            mode=freeze.mode.value,
            target=freeze.target,
            kind=freeze.kind,
            environment=freeze.environment,
            starts_at=freeze.starts_at,
            ends_at=freeze.ends_at,
            timezone=weekly and weekly.timezone,
            days=weekly and sorted(weekly.days),
            from_time=weekly and weekly.begins,
            until_time=weekly and weekly.ends,
            declared_by=declared_by,
        )
        assert row is not None  # noqa: S101 - an INSERT of one row returns it
        return _declared(row)

    async def find(self, tenant_id: str, freeze_id: str) -> Declared | None:
        """Return one of a tenant."""
        row = await self._tx.fetchrow(
            QUERIES["find_freeze"], tenant_id=tenant_id, freeze_id=freeze_id
        )
        return None if row is None else _declared(row)

    async def end(self, tenant_id: str, freeze_id: str, ended_by: str) -> Declared | None:
        """End a freeze, and plan what waits for it; None where it is not in force."""
        row = await self._tx.fetchrow(
            QUERIES["end_freeze"], tenant_id=tenant_id, freeze_id=freeze_id, ended_by=ended_by
        )
        if row is not None:
            await self._tx.execute(QUERIES["thaw_missions"], tenant_id=tenant_id)
        return None if row is None else _declared(row)

    async def current(self, tenants: Iterable[str]) -> list[Freeze]:
        """Return the freezes of these tenants that may be open now."""
        rows = await self._tx.fetch(QUERIES["current_freezes"], tenants=sorted(set(tenants)))
        return [_declared(row).freeze for row in rows]

    async def page(self, tenant_id: str, *, before: str | None, most: int) -> list[Declared]:
        """Return a page of a tenant's freezes, newest first, those that ended among them."""
        rows = await self._tx.fetch(
            QUERIES["list_freezes"], tenant_id=tenant_id, before=before, most=most
        )
        return [_declared(row) for row in rows]


def _declared(row: Record) -> Declared:
    weekly = (
        Weekly(row["timezone"], frozenset(row["days"]), row["from_time"], row["until_time"])
        if row["timezone"] is not None
        else None
    )
    freeze = Freeze(
        freeze_id=row["freeze_id"],
        tenant_id=row["tenant_id"],
        reason=row["reason"],
        mode=Mode(row["mode"]),
        target=row["target"],
        kind=row["kind"],
        environment=row["environment"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        weekly=weekly,
        declared_at=row["declared_at"],
    )
    return Declared(
        freeze, row["declared_by"], row["declared_at"], row["ended_by"], row["ended_at"]
    )
