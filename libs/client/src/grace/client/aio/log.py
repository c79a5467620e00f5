"""The immutable log: its signed head, its entries, and proofs of them."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.contracts.identity import Checkpoint, Entry, Proof

_PATH = "/api/log"
_MOST = 1000  # entries in an answer


class Log(Connection):
    """The methods about the log."""

    async def checkpoint(self) -> Checkpoint:
        """The newest signed head of the log."""
        return await self._get(f"{_PATH}/checkpoint", Checkpoint)

    async def proof(
        self, *, index: int | None = None, message_id: str | None = None, size: int | None = None
    ) -> Proof:
        """A proof that an entry, by index or by message, is in the log."""
        return await self._get(
            f"{_PATH}/proof", Proof, index=index, message_id=message_id, size=size
        )

    async def entries(
        self, *, start: int = 0, limit: int = 100, leaves: bool = False
    ) -> tuple[Entry, ...]:
        """Log entries from an index on, with the signed bytes of those that you may see."""
        query = {"start": start, "limit": limit} | ({"leaves": "true"} if leaves else {})
        return (await self._page(f"{_PATH}/entries", Entry, **query)).items

    async def each_entry(
        self, *, start: int = 0, limit: int | None = None, leaves: bool = False
    ) -> AsyncIterator[Entry]:
        """Every entry from an index on, or the first `limit` of them.

        An answer may hold fewer than were asked for: only an empty one is the end of the log.
        """
        end = None if limit is None else start + limit
        while end is None or start < end:
            wanted = _MOST if end is None else min(_MOST, end - start)
            found = await self.entries(start=start, limit=wanted, leaves=leaves)
            if not found:
                return
            for entry in found:
                yield entry
            start += len(found)
