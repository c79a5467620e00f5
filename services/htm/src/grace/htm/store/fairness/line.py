"""The queues as a claim sees them: one claim at a time, the front of every lane."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from grace.htm.domain.lanes import lane_of
from grace.htm.domain.rotation import Rotation
from grace.htm.domain.schedule import Front, Head
from grace.htm.store.fairness.statements import QUERIES
from grace.kit import Record, Transaction

_FIRST = ("", "")  # no tenant and no origin is empty


class Line:
    """What waits, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock_claims(self) -> None:
        """Wait until no other transaction hands out tasks, and keep it so."""
        await self._tx.execute(QUERIES["lock_claims"])

    async def take_turn(self, kernels: Collection[str]) -> bool:
        """Wait for the turn of a claim; False, at once, where no task of these kernels waits."""
        return bool(await self._tx.execute(QUERIES["take_turn"], kernels=list(kernels)))

    async def queue_heads(
        self,
        wanted: Mapping[str, int],
        last: Rotation = Rotation(),  # noqa: B008 - frozen
        *,
        affinity_wait: timedelta,
        most_queues: int,
        most_lanes: int,
    ) -> list[Front]:
        """The fronts of lanes, so many tasks of each, in the order of the index."""
        if not any(wanted.values()):
            return []
        after = [last.queues.get(kernel, _FIRST) for kernel in wanted]
        looked = [(*stand, lane) for stand, lane in last.lanes.items() if stand[0] in wanted]
        rows = await self._tx.fetch(
            QUERIES["queue_heads"],
            kernels=list(wanted),
            slots=list(wanted.values()),
            after_tenants=[tenant_id for tenant_id, _ in after],
            after_origins=[origin for _, origin in after],
            looked_kernels=[each[0] for each in looked],
            looked_tenants=[each[1] for each in looked],
            looked_origins=[each[2] for each in looked],
            looked_lanes=[each[3] for each in looked],
            affinity_wait=affinity_wait,
            most_queues=most_queues,
            most_lanes=most_lanes,
        )
        return [_front(row) for row in rows]


def _front(row: Record) -> Front:
    # None where the deadline of all that was looked at has passed.
    columns = [row[name] or () for name in ("ids", "order_keys", "sizes", "settled")]
    return Front(
        kernel=row["kernel"],
        queue=(row["tenant_id"], row["origin"]),
        lane=lane_of(row["lane"]),
        heads=list(map(Head._make, zip(*columns, strict=True))),
    )
