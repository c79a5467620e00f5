"""The queues of the kernels: paused, resumed, counted."""

from collections.abc import Sequence

from grace.contracts.htm import Queue
from grace.htm.store.steering.statements import QUERIES
from grace.kit import Transaction

# Whoever reads wants to know that it is many; an exact count would read the whole queue.
_COUNTED_UP_TO = 1000


class Queues:
    """The queues, inside one transaction. Claims look at what is paused themselves."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def pause_queue(self, kernel: str, *, principal: str) -> bool:
        """Hand out no more tasks of a kernel; False where it is paused already."""
        done = await self._tx.execute(QUERIES["pause_queue"], kernel=kernel, principal=principal)
        return done == 1

    async def resume_queue(self, kernel: str) -> bool:
        """Hand out tasks of a kernel again; False where it is not paused."""
        return await self._tx.execute(QUERIES["resume_queue"], kernel=kernel) == 1

    async def queue_names(self, tenant_id: str, *, after: str, limit: int) -> list[str]:
        """The kernels behind `after` that have tasks of the tenant, or are paused."""
        rows = await self._tx.fetch(
            QUERIES["queue_names"], tenant_id=tenant_id, after=after, limit=limit
        )
        return [row["kernel"] for row in rows]

    async def count_queues(self, tenant_id: str, kernels: Sequence[str]) -> list[Queue]:
        """The queues of these kernels, as a tenant sees them."""
        rows = await self._tx.fetch(
            QUERIES["count_queues"],
            tenant_id=tenant_id,
            kernels=list(kernels),
            most=_COUNTED_UP_TO,
        )
        return [Queue(**row) for row in rows]
