"""Workers take tasks: one claim at a time, so that limits are exact."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from operator import itemgetter
from uuid import UUID

from grace.htm.domain.hands import Request
from grace.htm.domain.limits import NOTHING_SPENT, Left
from grace.htm.store.statements import QUERIES
from grace.kit import Transaction


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task in a worker's hands; `spec` is its order as JSON text."""

    attempt_number: int
    spec: str


class Claims:
    """What workers take, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def assign_tasks(
        self,
        chosen: Sequence[tuple[UUID, Request]],
        *,
        lease: timedelta,
        left: Left = NOTHING_SPENT,
    ) -> Mapping[UUID, Claimed]:
        """Hand tasks to the workers that asked; what somebody moved meanwhile is missing.

        `left` is what is left then of the buckets that they count under.
        """
        if not chosen:
            return {}
        chosen = sorted(chosen, key=itemgetter(0))
        rows = await self._tx.fetch(
            QUERIES["assign_tasks"],
            task_ids=[task_id for task_id, _ in chosen],
            components=[request.owner.component for _, request in chosen],
            workers=[request.owner.worker_id for _, request in chosen],
            key_ids=[request.key_id for _, request in chosen],
            lease=lease,
            tenants=[tenant_id for tenant_id, _ in left],
            keys=[key for _, key in left],
            tokens=[tokens for tokens, _ in left.values()],
            instants=[instant for _, instant in left.values()],
        )
        return {row["id"]: Claimed(row["attempt_number"], row["spec"]) for row in rows}
