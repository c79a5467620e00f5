"""Plays the part of governance that tells workers who may use which secret."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from grace.contracts.governance import ConsentList, HeldConsent, SignedConsents
from grace.kit import Keys, Runtime, end_tasks

_OWN = "own"
OWN = HeldConsent(consent_id="consent-installed", secret=_OWN, operation="*", one_time=False)
"""What an installation begins with."""
_TELL_SECONDS = 0.1


def signed(keys: Keys, *consents: HeldConsent) -> SignedConsents:
    """A list of consents as governance tells it, signed with these keys."""
    body = ConsentList(issued_at=datetime.now(UTC), consents=consents).to_bytes()
    return SignedConsents(
        key_id=keys.key_id, body=body, signature=keys.sign("grace/consents/v1", body)
    )


class Consenting:
    """Tells of consents as governance does; silent before."""

    def __init__(self) -> None:
        self.told: Sequence[HeldConsent] = ()
        self._teller: asyncio.Task[None] | None = None

    async def begin(self, governance: Runtime, *consents: HeldConsent) -> None:
        """Tell of these from now on."""
        self.told = consents
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell(governance))

    async def silence(self) -> None:
        """Say nothing any more."""
        if self._teller is not None:
            await end_tasks([self._teller])
            self._teller = None

    async def _tell(self, governance: Runtime) -> None:
        while True:
            await governance.signal(signed(governance.keys, *self.told))
            await asyncio.sleep(_TELL_SECONDS)
