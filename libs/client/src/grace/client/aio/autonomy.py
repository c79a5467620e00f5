"""Autonomy: how much playbooks may do on their own, and by whose standing approval."""

from grace.client.aio.connection import Connection
from grace.client.ask import part, put, read
from grace.client.models import Page
from grace.contracts.governance import Autonomy as Level
from grace.contracts.governance import StandingApproval

_AUTONOMY = "/api/governance/autonomy"
_STANDING = "/api/governance/standing-approvals"


class Autonomy(Connection):
    """The methods that read and move playbooks on the ladder."""

    async def autonomies(self, *, limit: int = 50, cursor: str | None = None) -> Page[Level]:
        """A page of the playbooks that have a record."""
        return await self._page(_AUTONOMY, Level, limit=limit, cursor=cursor)

    async def autonomy(self, playbook: str, target_class: str) -> Level:
        """Where a playbook stands with a class of targets, and why."""
        return await self._get(f"{_AUTONOMY}/{part(playbook)}/{part(target_class)}", Level)

    async def move_playbook(
        self, playbook: str, target_class: str, level: str, *, reason: str, version: int
    ) -> Level:
        """Put a playbook on another level. Stale where it was moved since; Conflict for unearned auto."""
        path = f"{_AUTONOMY}/{part(playbook)}/{part(target_class)}"
        headers = {"If-Match": f'"{version}"'}
        ask = put(path, {"level": level, "reason": reason}, headers=headers)
        return read(await self._send(ask), Level)

    async def standing_approvals(
        self, *, limit: int = 50, cursor: str | None = None
    ) -> Page[StandingApproval]:
        """A page of people's standing approvals, newest first."""
        return await self._page(_STANDING, StandingApproval, limit=limit, cursor=cursor)

    async def give_standing_approval(
        self, playbook: str, target_class: str, *, budget: int, lifetime_s: int, reason: str
    ) -> StandingApproval:
        """Let a playbook at auto make so many changes without asking, for so long."""
        body = {
            "playbook": playbook,
            "target_class": target_class,
            "budget": budget,
            "lifetime_s": lifetime_s,
            "reason": reason,
        }
        return await self._post(_STANDING, StandingApproval, body)

    async def revoke_standing_approval(
        self, standing_id: str, *, reason: str | None = None
    ) -> StandingApproval:
        """Take a standing approval back; what was granted by it goes on."""
        path = f"{_STANDING}/{part(standing_id)}/revoke"
        return await self._post(path, StandingApproval, {"reason": reason})
