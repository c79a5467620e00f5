"""Kernels: who asks for their tasks, and how many wait."""

from collections.abc import Collection

from grace.htm.store.watch.statements import QUERIES
from grace.kit import Transaction


class Kernels:
    """What is known of kernels, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def note_asked(self, kernels: Collection[str]) -> None:
        """Remember that workers asked for tasks of these."""
        await self._tx.execute(QUERIES["note_asked"], kernels=sorted(kernels))

    async def known(self, kernels: Collection[str]) -> frozenset[str]:
        """Those of the kernels that a worker has ever asked for."""
        rows = await self._tx.fetch(QUERIES["known_kernels"], kernels=sorted(kernels))
        return frozenset(row["kernel"] for row in rows)

    async def queued(self, *, most: int) -> dict[str, int]:
        """How many tasks wait for each kernel that has any; counted up to `most`."""
        rows = await self._tx.fetch(QUERIES["queued_by_kernel"], most=most)
        return {row["kernel"]: row["tasks"] for row in rows}
