"""Intents whose mission ended before they came."""

from collections.abc import Mapping

from grace.contracts.intent import IntentAccepted
from grace.kit import Queries, Transaction
from grace.kit.sql import Record

QUERIES = Queries.beside(__file__)


class Followers:
    """The intents that follow missions, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def pass_on(self, following: Mapping[str, str]) -> list[IntentAccepted]:
        """Let what came after an end follow the next mission; return what is to be told of it."""
        rows = await self._tx.fetch(
            QUERIES["pass_on"], mission_ids=list(following), next_ids=list(following.values())
        )
        return [_accepted(row) for row in rows]


def _accepted(row: Record) -> IntentAccepted:
    return IntentAccepted(
        intent_id=row["intent_id"],
        tenant_id=row["tenant_id"],
        mission_id=row["mission_id"],
        requested_by=row["requested_by"],
        goal=row["goal"],
        domain=row["domain"],
        kind=row["kind"],
        priority=row["priority"],
        sla_ms=row["sla_ms"],
        body_hash=row["body_hash"],
        accepted_at=row["accepted_at"],
        target=row["target"],
    )
