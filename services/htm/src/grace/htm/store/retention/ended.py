"""Tasks that ended long ago."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from grace.htm.store.retention.statements import QUERIES
from grace.kit import Transaction


class Ended:
    """Ended tasks, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock(self, *, keep: timedelta, most: int) -> list[UUID]:
        """Tasks that ended longer ago and that nobody needs, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["lock_ended"], keep=keep, most=most)
        return [row["id"] for row in rows]

    async def drop(self, task_ids: Sequence[UUID]) -> int:
        """Forget those of them that nobody needs still, with their attempts and keys; returns how many."""
        if not task_ids:
            return 0
        return len(await self._tx.fetch(QUERIES["drop_ended"], task_ids=task_ids))
