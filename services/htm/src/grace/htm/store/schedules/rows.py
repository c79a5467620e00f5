"""Schedules: set, shown, and moved from slot to slot."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from grace.contracts.htm import Schedule, TaskSpec
from grace.htm.domain.schedules import Due, Fired, Plan, sentence_of
from grace.htm.store.schedules.statements import QUERIES
from grace.kit import Record, Transaction


class Schedules:
    """The schedules, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def due(self, *, most: int) -> list[Due]:
        """Schedules whose next slot has come, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["due_schedules"], most=most)
        return [
            Due(row["tenant_id"], row["name"], _plan(row), row["next_at"], row["now"], row["spec"])
            for row in rows
        ]

    async def note_fired(self, moves: Sequence[tuple[Due, datetime | None, Fired | None]]) -> None:
        """Move schedules to their next slots, and note what became of the last ones."""
        await self._tx.execute(
            QUERIES["note_fired"],
            tenants=[due.tenant_id for due, _, _ in moves],
            names=[due.name for due, _, _ in moves],
            next_ats=[next_at for _, next_at, _ in moves],
            slot_ats=[fired.slot.at if fired else None for _, _, fired in moves],
            task_ids=[fired.task_id if fired else None for _, _, fired in moves],
            outcomes=[fired.outcome if fired else None for _, _, fired in moves],
        )

    async def next_slot(self) -> timedelta | None:
        """How long until a schedule fires; None where none does."""
        left: timedelta | None = await self._tx.fetchval(QUERIES["next_slot"])
        return left

    async def insert(
        self, tenant_id: str, name: str, plan: Plan, *,
        order: str, next_at: datetime | None, principal: str,
    ) -> bool:  # fmt: skip
        """Set a schedule; False where there is one of this name."""
        count = await self._tx.execute(
            QUERIES["insert_schedule"],
            tenant_id=tenant_id, name=name, spec=order, next_at=next_at, principal=principal,
            **_written(plan),
        )  # fmt: skip
        return count == 1

    async def change(
        self, tenant_id: str, name: str, plan: Plan, *,
        order: str, next_at: datetime | None, principal: str,
    ) -> None:  # fmt: skip
        """Put this in the place of what a locked schedule was."""
        await self._tx.execute(
            QUERIES["change_schedule"],
            tenant_id=tenant_id, name=name, spec=order, next_at=next_at, principal=principal,
            **_written(plan),
        )  # fmt: skip

    async def drop(self, tenant_id: str, name: str) -> bool:
        """Take a schedule away; False where there is none."""
        count = await self._tx.execute(QUERIES["drop_schedule"], tenant_id=tenant_id, name=name)
        return count == 1

    async def lock(self, tenant_id: str, name: str) -> Schedule | None:
        """A schedule as it stands, locked until the transaction ends."""
        row = await self._tx.fetchrow(QUERIES["lock_schedule"], tenant_id=tenant_id, name=name)
        return _shown(row) if row else None

    async def find(self, tenant_id: str, name: str) -> Schedule | None:
        """A schedule as it stands."""
        row = await self._tx.fetchrow(QUERIES["find_schedule"], tenant_id=tenant_id, name=name)
        return _shown(row) if row else None

    async def page(self, tenant_id: str, *, after: str, most: int) -> list[Schedule]:
        """A page of a tenant's schedules, behind a name."""
        rows = await self._tx.fetch(
            QUERIES["list_schedules"], tenant_id=tenant_id, after=after, most=most
        )
        return [_shown(row) for row in rows]


def plan_of(schedule: Schedule) -> Plan:
    """When a schedule that is shown fires."""
    return Plan(
        cron=schedule.cron,
        time_zone=schedule.time_zone,
        catch_up=schedule.catch_up,
        catch_up_most=schedule.catch_up_most,
        enabled=schedule.enabled,
    )


def _plan(row: Record) -> Plan:
    enabled = row.get("enabled", True)
    return Plan(row["cron"], row["time_zone"], row["catch_up"], row["catch_up_most"], enabled)


def _written(plan: Plan) -> dict[str, str | int | bool]:
    return {
        "cron": plan.cron,
        "time_zone": plan.time_zone,
        "catch_up": plan.catch_up,
        "catch_up_most": plan.catch_up_most,
        "enabled": plan.enabled,
    }


def _shown(row: Record) -> Schedule:
    told = {name: value for name, value in row.items() if name not in {"spec", "now"}}
    sentence = sentence_of(_plan(row), row["next_at"], row["now"])
    return Schedule(**told, task=TaskSpec.from_bytes(row["spec"].encode()), sentence=sentence)
