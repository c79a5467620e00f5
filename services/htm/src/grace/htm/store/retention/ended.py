"""Tasks that ended long ago."""

from datetime import timedelta

from grace.htm.store.retention.statements import QUERIES
from grace.kit import Transaction


class Ended:
    """Ended tasks, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def drop(self, *, keep: timedelta, most: int) -> int:
        """Forget tasks that ended longer ago, with their attempts and keys; returns how many."""
        rows = await self._tx.fetch(QUERIES["drop_ended"], keep=keep, most=most)
        return len(rows)
