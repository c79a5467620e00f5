"""Takes and looks that ended, inside one transaction."""

from datetime import timedelta

from grace.kit import Transaction
from grace.verification.store.retention.statements import QUERIES


class Ended:
    """Forgets, the oldest first, and never what may still be asked for."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def drop_takes(self, *, keep: timedelta, most: int) -> int:
        """Forget some takes and return how many."""
        return len(await self._tx.fetch(QUERIES["drop_takes"], keep=keep, most=most))

    async def drop_watches(self, *, keep: timedelta, most: int) -> int:
        """Forget some looks and return how many."""
        return len(await self._tx.fetch(QUERIES["drop_watches"], keep=keep, most=most))
