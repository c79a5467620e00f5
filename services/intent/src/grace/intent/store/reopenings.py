"""Ends that later looks took back."""

from collections.abc import Mapping
from datetime import datetime

from grace.intent.store.statements import QUERIES
from grace.kit import Transaction


class Reopenings:
    """What was verified and did not hold, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def note(self, reopened: Mapping[str, datetime]) -> frozenset[str]:
        """Note when missions were opened again; return of which that is news."""
        rows = await self._tx.fetch(
            QUERIES["reopen_missions"],
            mission_ids=list(reopened),
            reopened_at=list(reopened.values()),
        )
        return frozenset(row["mission_id"] for row in rows)
