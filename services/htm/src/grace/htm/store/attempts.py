"""Attempts: held under a lease, reported on, lapsed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from operator import attrgetter
from uuid import UUID

from grace.htm.domain.announcements import Moved
from grace.htm.domain.lifecycle import State
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.reports import Attempted, Closing, Ending, Report
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

    async def refused_tasks(self, task_ids: Collection[UUID]) -> Mapping[UUID, Attempted]:
        """The same tasks after `succeed` has left them as they are, without a lock."""
        rows = await self._tx.fetch(QUERIES["refused_tasks"], task_ids=list(task_ids))
        return {row["id"]: attempted_of(row) for row in rows}

    async def lapsed_tasks(self, *, most: int) -> list[Attempted]:
        """Tasks whose lease ran out, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["lapsed_tasks"], most=most)
        return [attempted_of(row) for row in rows]

    async def start_attempts(self, fences: Sequence[Fence]) -> int:
        """Note that attempts run; returns how many."""
        if not fences:
            return 0
        in_order = sorted(fences, key=lambda fence: fence.task_id)
        return await self._tx.execute(
            QUERIES["start_attempts"],
            task_ids=[fence.task_id for fence in in_order],
            attempt_numbers=[fence.attempt_number for fence in in_order],
        )

    async def close_attempts(self, closings: Sequence[Closing]) -> list[Moved]:
        """End attempts and move their tasks; what had ended before is missing."""
        if not closings:
            return []
        closings = sorted(closings, key=lambda closing: closing.fence.task_id)
        nobody = [None] * len(closings)  # the attempt is the fence, and its owner was looked at
        rows = await self._tx.fetch(
            QUERIES["close_attempts"],
            task_ids=[closing.fence.task_id for closing in closings],
            attempt_numbers=[closing.fence.attempt_number for closing in closings],
            components=nobody,
            workers=nobody,
            endings=[closing.ending for closing in closings],
            states=[closing.state for closing in closings],
            delays=[closing.delay for closing in closings],
            error_classes=[closing.error_class for closing in closings],
            error_messages=[closing.error_message for closing in closings],
            results=[closing.result_json for closing in closings],
        )
        return [moved_of(row) for row in rows]

    async def succeed(self, reports: Sequence[Report]) -> list[Moved]:
        """End attempts that succeeded and that these owners hold; all others are missing."""
        reports = sorted(reports, key=attrgetter("task_id"))
        count, nothing = len(reports), [None] * len(reports)
        rows = await self._tx.fetch(
            QUERIES["close_attempts"],
            task_ids=[report.task_id for report in reports],
            attempt_numbers=[report.attempt_number for report in reports],
            components=[report.owner.component for report in reports],
            workers=[report.owner.worker_id for report in reports],
            endings=[Ending.SUCCEEDED] * count,
            states=[State.SUCCEEDED] * count,
            delays=nothing,
            error_classes=nothing,
            error_messages=nothing,
            results=[report.result_json for report in reports],
        )
        return [moved_of(row) for row in rows]

    async def extend_leases(
        self, attempts: Collection[tuple[UUID, int]], owner: Owner, *, lease: timedelta
    ) -> Mapping[tuple[UUID, int], bool]:
        """Renew the leases of an owner's attempts.

        Returns those that are not its own (True), and those that somebody wants cancelled (False).
        """
        rows = await self._tx.fetch(
            QUERIES["extend_leases"],
            task_ids=[task_id for task_id, _ in attempts],
            attempt_numbers=[number for _, number in attempts],
            component=owner.component,
            worker_id=owner.worker_id,
            lease=lease,
        )
        return {(row["task_id"], row["attempt_number"]): row["is_lost"] for row in rows}
