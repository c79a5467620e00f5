"""Missions: what happened to an incident, from its report to its verdict."""

from collections.abc import AsyncIterator, Callable

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Page
from grace.contracts.intent import Explanation, Replayed
from grace.contracts.verification import Mission, TimelineEntry

_PATH = "/api/missions"


class Missions(Connection):
    """The methods about missions."""

    async def missions(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Mission]:
        """A page of missions, newest first."""
        return await self._page(_PATH, Mission, status=status, limit=limit, cursor=cursor)

    def each_mission(self, *, status: str | None = None) -> AsyncIterator[Mission]:
        """Every mission, newest first."""
        return self._each(_PATH, Mission, status=status)

    async def mission(self, mission_id: str) -> Mission:
        """One mission with its contracts."""
        return await self._get(f"{_PATH}/{part(mission_id)}", Mission)

    async def timeline(self, mission_id: str) -> tuple[TimelineEntry, ...]:
        """Every step of a mission in order."""
        return (await self._page(f"{_PATH}/{part(mission_id)}/timeline", TimelineEntry)).items

    async def mission_plan(self, mission_id: str) -> Explanation:
        """Which playbooks were considered for a mission, and the plan where there is one."""
        return await self._get(f"{_PATH}/{part(mission_id)}/plan", Explanation)

    async def replay_mission(self, mission_id: str, *, playbook: str | None = None) -> Replayed:
        """How today's rules, and a playbook, would have decided about a mission."""
        return await self._post(
            f"{_PATH}/{part(mission_id)}/replay", Replayed, {"playbook": playbook}
        )

    async def wait_for_mission(
        self,
        mission_id: str,
        *,
        timeout: float = 60.0,
        pause: float = 0.2,
        tell: Callable[[Mission], None] | None = None,
    ) -> Mission:
        """Return a mission once it has closed, however it ended. StillOpen after `timeout` seconds.

        `tell` hears of every look at it while it is open.
        """
        return await self._ended(
            lambda: self.mission(mission_id),
            lambda mission: mission.closed_at is not None,
            what=mission_id,
            timeout=timeout,
            pause=pause,
            tell=tell,
        )
