"""Service levels: which may have changed, which did, and what was not told yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from grace.htm.domain.announcements import SlaChanged
from grace.htm.domain.sla import Sla, Timing
from grace.htm.store.watch.statements import QUERIES
from grace.kit import Transaction


@dataclass(frozen=True, slots=True)
class SlaMove:
    """A task and its service level, before and after."""

    task_id: UUID
    previous: Sla
    following: Sla


class Levels:
    """The service levels of open tasks, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def candidates(self, *, history: timedelta, most: int) -> list[tuple[UUID, Sla, Timing]]:
        """Open tasks whose level may have changed; usual times are those of the history."""
        rows = await self._tx.fetch(QUERIES["sla_candidates"], history=history, most=most)
        return [
            (
                row["id"],
                Sla(row["sla_state"]),
                Timing(row["now"], row["sla_deadline_at"], row["usual"]),
            )
            for row in rows
        ]

    async def change(self, moves: Sequence[SlaMove]) -> int:
        """Move them; what ended meanwhile, or is in somebody's hands, stays as it is."""
        if not moves:
            return 0
        return await self._tx.execute(
            QUERIES["change_sla"],
            task_ids=[move.task_id for move in moves],
            froms=[move.previous for move in moves],
            tos=[move.following for move in moves],
        )

    async def take_changes(self, *, most: int) -> list[SlaChanged]:
        """What changed and was not told yet."""
        rows = await self._tx.fetch(QUERIES["take_sla_changes"], most=most)
        return [
            SlaChanged(
                **{**row, "previous": Sla(row["previous"]), "sla_state": Sla(row["sla_state"])}
            )
            for row in rows
        ]
