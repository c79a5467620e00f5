"""Tasks that people cancel, release and replay."""

from datetime import timedelta
from uuid import UUID

from grace.contracts.htm import DeadLetter
from grace.htm.domain.announcements import Moved
from grace.htm.domain.lifecycle import State
from grace.htm.domain.steering import Steered
from grace.htm.store.shapes import moved_of
from grace.htm.store.steering.statements import QUERIES
from grace.kit import Transaction


class Steering:
    """Tasks as people steer them, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def steered_task(self, tenant_id: str, task_id: UUID) -> Steered | None:
        """A tenant's task, locked until the transaction ends."""
        row = await self._tx.fetchrow(QUERIES["steered_task"], tenant_id=tenant_id, task_id=task_id)
        if row is None:
            return None
        return Steered(
            task_id=row["id"],
            state=State(row["status"]),
            cancel_asked=row["cancel_asked"],
            released=row["released"],
            contract_id=row["contract_id"],
            order=row["spec"],
        )

    async def cancel_task(self, task_id: UUID, *, principal: str) -> list[Moved]:
        """End a task that no worker holds."""
        rows = await self._tx.fetch(QUERIES["cancel_task"], task_id=task_id, principal=principal)
        return [moved_of(row) for row in rows]

    async def ask_to_cancel(self, task_id: UUID, *, principal: str) -> None:
        """Note that a task ends with the attempt that a worker has in hand."""
        await self._tx.execute(QUERIES["ask_to_cancel"], task_id=task_id, principal=principal)

    async def release_task(
        self, task_id: UUID, *, principal: str, aging_step: timedelta
    ) -> list[str]:
        """Queue a task that rests; returns its kernel."""
        rows = await self._tx.fetch(
            QUERIES["release_task"], task_id=task_id, principal=principal, aging_step=aging_step
        )
        return [row["kernel"] for row in rows]

    async def mark_replay(self, task_id: UUID, *, original: UUID) -> None:
        """Note which task a new one does once more."""
        await self._tx.execute(QUERIES["mark_replay"], task_id=task_id, original=original)

    async def list_dead_letters(
        self, tenant_id: str, *, before: UUID | None, limit: int
    ) -> list[DeadLetter]:
        """A page of dead letters, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_dead_letters"], tenant_id=tenant_id, before=before, limit=limit
        )
        return [DeadLetter(**row) for row in rows]
