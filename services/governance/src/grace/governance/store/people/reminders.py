"""Which requests wait long enough to be remembered, and how often they were."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.governance.domain.reminders import Reminder
from grace.governance.store.people.statements import QUERIES
from grace.kit import Transaction


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits, with what was said about it so far."""

    approval_id: str
    tenant_id: str
    mission_id: str
    correlation_id: str
    expires_at: datetime
    reminders: int
    escalated_to: str | None


class Reminders:
    """The reminders of requests, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock_waiting(
        self, *, now: datetime, interval: timedelta, limit: int
    ) -> list[Waiting]:
        """Return requests whose next reminder is due; nobody else reminds of them meanwhile."""
        rows = await self._tx.fetch(
            QUERIES["lock_waiting"], now=now, interval=interval, limit=limit
        )
        return [Waiting(**row) for row in rows]

    async def keep(self, said: Sequence[tuple[Waiting, Reminder]]) -> None:
        """Count what was said."""
        await self._tx.execute(
            QUERIES["keep_reminders"],
            approval_ids=[waiting.approval_id for waiting, _ in said],
            reminders=[reminder.number for _, reminder in said],
            remind_at=[reminder.remind_at for _, reminder in said],
            escalated_to=[reminder.group for _, reminder in said],
        )
