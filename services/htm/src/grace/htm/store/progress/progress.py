"""How far attempts say they are."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from grace.htm.domain.owner import Fence
from grace.htm.domain.progress import Progress, Word
from grace.htm.store.progress.statements import QUERIES
from grace.kit import Transaction


class Progresses:
    """What workers say of attempts that run, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find_progress(self, attempts: Iterable[Fence]) -> Mapping[UUID, Word]:
        """How far these attempts said they were, by their tasks."""
        fences = list(attempts)
        rows = await self._tx.fetch(
            QUERIES["find_progress"],
            task_ids=[fence.task_id for fence in fences],
            attempt_numbers=[fence.attempt_number for fence in fences],
        )
        return {row["task_id"]: Word(row["percent"], row["message"]) for row in rows}

    async def note_progress(self, told: Sequence[Progress]) -> int:
        """Note how far attempts are; returns how many came further, or say something else."""
        if not told:
            return 0
        return await self._tx.execute(
            QUERIES["note_progress"],
            task_ids=[each.fence.task_id for each in told],
            attempt_numbers=[each.fence.attempt_number for each in told],
            components=[each.owner.component for each in told],
            workers=[each.owner.worker_id for each in told],
            percents=[each.word.percent for each in told],
            messages=[each.word.message for each in told],
        )
