"""What services could not handle: to look at, to have handled again, to let go."""

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Page
from grace.contracts.kit import KeptMessage, QuarantineSettled

_QUARANTINE = "/api/quarantine"


class Quarantine(Connection):
    """The methods that read and settle the messages in the quarantine of a service."""

    async def quarantined(
        self, service: str, *, limit: int = 50, cursor: str | None = None
    ) -> Page[KeptMessage]:
        """A page of what a service could not handle, newest first, with the reasons."""
        path = f"{_QUARANTINE}/{part(service)}"
        return await self._page(path, KeptMessage, limit=limit, cursor=cursor)

    async def replay_quarantined(
        self, service: str, quarantine_id: str, *, reason: str
    ) -> QuarantineSettled:
        """Have a message handled again. Conflict where it is refused or fails again: it stays then."""
        path = f"{_QUARANTINE}/{part(service)}/{part(quarantine_id)}/replay"
        return await self._post(path, QuarantineSettled, {"reason": reason})

    async def discard_quarantined(
        self, service: str, quarantine_id: str, *, reason: str
    ) -> QuarantineSettled:
        """Delete a message; the log keeps who did, and why."""
        path = f"{_QUARANTINE}/{part(service)}/{part(quarantine_id)}/discard"
        return await self._post(path, QuarantineSettled, {"reason": reason})
