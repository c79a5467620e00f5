"""How far attempts say they are."""

from collections.abc import Sequence

from grace.htm.domain.owner import Owner
from grace.htm.domain.progress import Progress
from grace.htm.store.progress.statements import QUERIES
from grace.kit import Transaction


class Progresses:
    """What workers say of attempts that run, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def note_progress(self, told: Sequence[Progress], owner: Owner) -> int:
        """Note how far attempts are; returns how many came further, or say something else."""
        if not told:
            return 0
        return await self._tx.execute(
            QUERIES["note_progress"],
            task_ids=[each.fence.task_id for each in told],
            attempt_numbers=[each.fence.attempt_number for each in told],
            percents=[each.percent for each in told],
            messages=[each.message for each in told],
            component=owner.component,
            worker_id=owner.worker_id,
        )
