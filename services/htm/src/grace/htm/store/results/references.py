"""References to results."""

from collections.abc import Sequence

from grace.htm.domain.reports import Closing
from grace.htm.store.results.statements import QUERIES
from grace.kit import Transaction


class References:
    """Where results lie, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def note_references(self, closings: Sequence[Closing]) -> None:
        """Note where the results of these attempts lie; those with none cost nothing."""
        told = [(each.fence, each.reference) for each in closings if each.reference is not None]
        if told:
            await self._tx.execute(
                QUERIES["note_references"],
                task_ids=[fence.task_id for fence, _ in told],
                attempt_numbers=[fence.attempt_number for fence, _ in told],
                sha256s=[reference.sha256 for _, reference in told],
                sizes=[reference.size_bytes for _, reference in told],
            )
