"""Holds: missions whose plan waits, and letting one go on."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Page
from grace.contracts.intent import Hold, ReleasedHold

_PATH = "/api/holds"


class Holds(Connection):
    """The methods about what waits."""

    async def holds(self, *, limit: int = 50, cursor: str | None = None) -> Page[Hold]:
        """A page of missions whose plan waits, newest first."""
        return await self._page(_PATH, Hold, limit=limit, cursor=cursor)

    def each_hold(self) -> AsyncIterator[Hold]:
        """Every mission whose plan waits, newest first."""
        return self._each(_PATH, Hold)

    async def release_hold(self, mission_id: str, *, reason: str | None = None) -> ReleasedHold:
        """Let a mission go on. Conflict where it is not held."""
        return await self._post(
            f"{_PATH}/{part(mission_id)}/release", ReleasedHold, {"reason": reason}
        )
