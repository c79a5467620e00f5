"""Governance: the kill switch."""

from grace.client.aio.connection import Connection
from grace.contracts.governance import Brake, KillSwitch

_SWITCH = "/api/governance/kill-switch"
_BRAKE = "/api/governance/brake"


class Governance(Connection):
    """The methods that read and turn what governs all plans."""

    async def kill_switch(self) -> KillSwitch:
        """How the kill switch stands, who turned it, and why."""
        return await self._get(_SWITCH, KillSwitch)

    async def turn_kill_switch(self, *, is_on: bool, reason: str, hard: bool = False) -> KillSwitch:
        """Stop every effect within a second, or let effects go on. `hard` stops reverts, too."""
        body = {"is_on": is_on, "hard": hard, "reason": reason}
        return await self._post(_SWITCH, KillSwitch, body)

    async def brake(self) -> Brake:
        """How the tenant's brake stands, what counts against it, and who turned it."""
        return await self._get(_BRAKE, Brake)

    async def turn_brake(self, *, is_on: bool, reason: str) -> Brake:
        """Let nothing run without people, or let it again; what failed before is forgotten then."""
        return await self._post(_BRAKE, Brake, {"is_on": is_on, "reason": reason})
