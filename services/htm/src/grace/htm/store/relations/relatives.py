"""Relations as they are made: who names whom, and what is stored of them."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from grace.htm.domain.following import Ended
from grace.htm.domain.lifecycle import State
from grace.htm.domain.relations import Relative
from grace.htm.store.relations.statements import QUERIES
from grace.kit import Transaction

Pairs = Sequence[tuple[UUID, UUID]]


class Relatives:
    """Tasks that others name, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock_relatives(self, task_ids: Collection[UUID]) -> Mapping[UUID, Relative]:
        """The stored ones of these tasks, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["lock_relatives"], task_ids=list(task_ids))
        return {
            row["id"]: Relative(
                task_id=row["id"],
                tenant_id=row["tenant_id"],
                origin=row["origin"],
                state=State(row["status"]),
                parent_id=row["parent_id"],
                is_ending=row["is_ending"],
            )
            for row in rows
        }

    async def add_dependencies(self, pairs: Pairs) -> None:
        """Note which new tasks depend on which others."""
        if pairs:
            task_ids, depends_on = zip(*pairs, strict=True)
            await self._tx.execute(
                QUERIES["add_dependencies"], task_ids=list(task_ids), depends_on=list(depends_on)
            )

    async def add_children(self, pairs: Pairs) -> None:
        """Note which new tasks are the children of which others."""
        if pairs:
            task_ids, parent_ids = zip(*pairs, strict=True)
            await self._tx.execute(
                QUERIES["add_children"], task_ids=list(task_ids), parent_ids=list(parent_ids)
            )

    async def find_blockers(self, task_id: UUID, *, most: int) -> list[Ended]:
        """What a task waits for, as it stands."""
        rows = await self._tx.fetch(QUERIES["find_blockers"], task_id=task_id, most=most)
        return [Ended(row["id"], State(row["status"])) for row in rows]
