"""Those that wait for the ends of others."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from uuid import UUID

from grace.htm.domain.announcements import Moved
from grace.htm.domain.following import Ask, Cancel, End, Ended, Follower, Release
from grace.htm.domain.lifecycle import State
from grace.htm.store.relations.statements import QUERIES
from grace.htm.store.shapes import moved_of
from grace.kit import Record, Transaction


class Ends:
    """Wakes what follows ends: one that others wait for was noted."""


class Followers:
    """Tasks that others' ends concern, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find_end(self) -> bool:
        """Whether there is anything to follow."""
        found: bool = await self._tx.fetchval(QUERIES["find_end"])
        return found

    async def take_ends(self, *, most: int) -> set[UUID]:
        """Tasks whose ends were not followed yet."""
        return {row["task_id"] for row in await self._tx.fetch(QUERIES["take_ends"], most=most)}

    async def return_ends(self, task_ids: Collection[UUID]) -> None:
        """Let the rest of what they concern be followed by another transaction."""
        await self._tx.execute(QUERIES["return_ends"], task_ids=list(task_ids))

    async def lock_followers(self, ended: Collection[UUID], *, most: int) -> list[UUID]:
        """Tasks that these ends let go on, or end; locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["lock_followers"], ended=list(ended), most=most)
        return [row["id"] for row in rows]

    async def find_followers(self, task_ids: Collection[UUID]) -> list[Follower]:
        """The same tasks with what they wait for."""
        rows = await self._tx.fetch(QUERIES["find_followers"], task_ids=list(task_ids))
        return [_follower(row) for row in rows]

    async def release_waiting(
        self, steps: Sequence[Release], *, aging_step: timedelta
    ) -> list[str]:
        """Queue tasks; returns the kernel of each."""
        if not steps:
            return []
        rows = await self._tx.fetch(
            QUERIES["release_waiting"],
            task_ids=[step.task_id for step in steps],
            aging_step=aging_step,
        )
        return [row["kernel"] for row in rows]

    async def cancel_followers(self, steps: Sequence[Cancel]) -> list[Moved]:
        """End tasks that nobody holds."""
        if not steps:
            return []
        rows = await self._tx.fetch(
            QUERIES["cancel_followers"],
            task_ids=[step.task_id for step in steps],
            reasons=[step.reason for step in steps],
        )
        return [moved_of(row) for row in rows]

    async def ask_followers(self, steps: Sequence[Ask]) -> None:
        """Note that tasks are to stop."""
        if steps:
            await self._tx.execute(
                QUERIES["ask_followers"],
                task_ids=[step.task_id for step in steps],
                reasons=[step.reason for step in steps],
            )

    async def end_parents(self, steps: Sequence[End]) -> list[Moved]:
        """End tasks whose children have ended."""
        if not steps:
            return []
        rows = await self._tx.fetch(
            QUERIES["end_parents"],
            task_ids=[step.task_id for step in steps],
            states=[step.state for step in steps],
            errors=[step.error for step in steps],
        )
        return [moved_of(row) for row in rows]


def _follower(row: Record) -> Follower:
    return Follower(
        task_id=row["id"],
        state=State(row["status"]),
        cancelling=row["cancelling"],
        unmet=row["unmet"],
        broken=_ended(row["broken_id"], row["broken_status"]),
        ends_as=State(row["ends_as"]) if row["ends_as"] else None,
        open_children=row["open_children"],
        bad_child=_ended(row["bad_id"], row["bad_status"]),
        parent=_ended(row["parent_id"], row["parent_ends_as"]),
    )


def _ended(task_id: UUID | None, status: str | None) -> Ended | None:
    return Ended(task_id, State(status)) if task_id is not None and status is not None else None
