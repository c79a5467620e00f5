"""Attempts: held under a lease, reported on, lapsed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from grace.htm.domain.announcements import Moved
from grace.htm.domain.owner import Owner
from grace.htm.domain.reports import Attempted, Closing, Fence
from grace.htm.store.shapes import attempted_of, moved_of
from grace.htm.store.statements import QUERIES
from grace.kit import Transaction


class Attempts:
    """What workers hold, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def attempted_tasks(self, task_ids: Collection[UUID]) -> Mapping[UUID, Attempted]:
        """The tasks with their newest attempt, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["attempted_tasks"], task_ids=list(task_ids))
        return {row["id"]: attempted_of(row) for row in rows}

    async def lapsed_tasks(self, *, most: int) -> list[Attempted]:
        """Tasks whose lease ran out, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["lapsed_tasks"], most=most)
        return [attempted_of(row) for row in rows]

    async def start_attempts(self, fences: Sequence[Fence]) -> int:
        """Note that attempts run; returns how many."""
        if not fences:
            return 0
        return await self._tx.execute(
            QUERIES["start_attempts"],
            task_ids=[fence.task_id for fence in fences],
            attempt_numbers=[fence.attempt_number for fence in fences],
        )

    async def close_attempts(self, closings: Sequence[Closing]) -> list[Moved]:
        """End attempts and move their tasks; what had ended before is missing."""
        if not closings:
            return []
        rows = await self._tx.fetch(
            QUERIES["close_attempts"],
            task_ids=[closing.fence.task_id for closing in closings],
            attempt_numbers=[closing.fence.attempt_number for closing in closings],
            endings=[closing.ending for closing in closings],
            states=[closing.state for closing in closings],
            delays=[closing.delay for closing in closings],
            error_classes=[closing.error_class for closing in closings],
            error_messages=[closing.error_message for closing in closings],
            results=[closing.result_json for closing in closings],
        )
        return [moved_of(row) for row in rows]

    async def extend_leases(
        self, attempts: Collection[tuple[UUID, int]], owner: Owner, *, lease: timedelta
    ) -> frozenset[tuple[UUID, int]]:
        """Renew the leases of an owner's attempts; returns those that are not its own."""
        rows = await self._tx.fetch(
            QUERIES["extend_leases"],
            task_ids=[task_id for task_id, _ in attempts],
            attempt_numbers=[number for _, number in attempts],
            component=owner.component,
            worker_id=owner.worker_id,
            lease=lease,
        )
        return frozenset((row["task_id"], row["attempt_number"]) for row in rows)
