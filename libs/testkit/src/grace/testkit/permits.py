"""Plays the part of governance that tells workers whether they may act."""

import asyncio
from datetime import UTC, datetime

from grace.contracts.governance import Permit, PermitWord, VouchedPermit, VouchPermit
from grace.kit import Called, Rpc, Runtime, Unavailable, end_tasks
from grace.kit.flushing import flush

_BEACON_SECONDS = 0.2


class Permits:
    """Answers and sends beacons as governance does, where a test says so; silent before."""

    def __init__(self) -> None:
        self._says: tuple[int, bool, bool] | None = None
        self._version = 0
        self.answered = 0
        self._beacon: asyncio.Task[None] | None = None

    @property
    def rpc(self) -> Rpc:
        """What the runtime that plays governance serves."""
        return Rpc().direct(VouchPermit, self._answer)

    async def begin(
        self, governance: Runtime, *, allowed: bool = True, reverts_allowed: bool = True
    ) -> None:
        """Say this from now on, as the next version; returns once a beacon is out."""
        await self.silence()
        self._version += 1
        self._says, sent = (self._version, allowed, reverts_allowed), asyncio.Event()
        self._beacon = asyncio.create_task(self._send(governance, *self._says, sent))
        await sent.wait()

    async def silence(self) -> None:
        """Say nothing any more."""
        self._says = None
        if self._beacon is not None:
            await end_tasks([self._beacon])

    async def _answer(self, call: Called[VouchPermit], runtime: Runtime) -> VouchedPermit:
        if self._says is None:
            raise Unavailable("this governance says nothing")
        version, allowed, reverts = self._says
        body = PermitWord(
            nonce=call.body.nonce,
            version=version,
            allowed=allowed,
            reverts_allowed=reverts,
            issued_at=datetime.now(UTC),
        ).to_bytes()
        signature = runtime.keys.sign("grace/permit/v1", body)
        self.answered += 1
        return VouchedPermit(key_id=runtime.keys.key_id, body=body, signature=signature)

    @staticmethod
    async def _send(
        governance: Runtime, version: int, allowed: bool, reverts: bool, sent: asyncio.Event
    ) -> None:
        while True:
            beacon = Permit(
                version=version,
                allowed=allowed,
                reverts_allowed=reverts,
                issued_at=datetime.now(UTC),
            )
            await governance.signal(beacon)
            await flush(governance.client)
            sent.set()
            await asyncio.sleep(_BEACON_SECONDS)
