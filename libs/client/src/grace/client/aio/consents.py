"""Consents: which operations may use which secrets."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.client.ask import delete, part, read
from grace.client.models import Page
from grace.contracts.governance import Consent

_PATH = "/api/governance/consents"


class Consents(Connection):
    """The methods that ask for consents, give them and take them back."""

    async def consents(
        self, *, status: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[Consent]:
        """A page of consents, newest first."""
        return await self._page(_PATH, Consent, status=status, limit=limit, cursor=cursor)

    def each_consent(self, *, status: str | None = None) -> AsyncIterator[Consent]:
        """Every consent, newest first."""
        return self._each(_PATH, Consent, status=status)

    async def ask_consent(
        self,
        secret: str,
        operation: str,
        *,
        reason: str,
        lifetime_s: int,
        target: str | None = None,
        target_class: str | None = None,
        one_time: bool = False,
    ) -> Consent:
        """Ask that an operation may use a secret; nothing may before another person consents."""
        body = {
            "secret": secret,
            "operation": operation,
            "target": target,
            "target_class": target_class,
            "one_time": one_time,
            "lifetime_s": lifetime_s,
            "reason": reason,
        }
        return await self._post(_PATH, Consent, body)

    async def grant_consent(self, consent_id: str, *, reason: str | None = None) -> Consent:
        """Consent. Forbidden for who asked."""
        path = f"{_PATH}/{part(consent_id)}/grant"
        return await self._post(path, Consent, {"reason": reason})

    async def reject_consent(self, consent_id: str, *, reason: str | None = None) -> Consent:
        """Refuse. Forbidden for who asked."""
        path = f"{_PATH}/{part(consent_id)}/reject"
        return await self._post(path, Consent, {"reason": reason})

    async def revoke_consent(self, consent_id: str) -> Consent:
        """Take a consent back, or the question for one."""
        return read(await self._send(delete(f"{_PATH}/{part(consent_id)}")), Consent)
