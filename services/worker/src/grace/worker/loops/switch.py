"""Hears the permit beacon and keeps the last word of governance."""

import asyncio
from time import monotonic

from grace.worker.domain.capability import Step
from grace.worker.domain.failure import BlockedError, NotNowError
from grace.worker.domain.permit import FRESH_SECONDS, Permit, hear, may_begin


class KillSwitch:
    """What was heard last, on this process's monotonic clock."""

    def __init__(self, patience: float) -> None:
        """`patience`: the seconds to wait for a first beacon."""
        self._patience = patience
        self._permit: Permit | None = None
        self._heard = asyncio.Event()

    def hear(self, beacon: Permit) -> None:
        """Take up a beacon."""
        self._permit = hear(self._permit, beacon)
        if self._permit is beacon:
            self._heard.set()

    async def check(
        self, step: Step, *, lease_until: float, timeout: float, untouched: bool
    ) -> None:
        """Return if an effect may begin now. NotNowError if not, BlockedError where it never will.

        What people stopped before it was `untouched` no more must not spring to life when they let
        others go on; a revert, and what an attempt may have begun, is tried again.
        """
        if step is Step.APPLY:
            await self._wait_for_beacon()
        now = monotonic()
        stop = may_begin(step, self._permit, now=now, lease_left=lease_until - now, timeout=timeout)
        if stop is None:
            return
        if stop.is_ordered and untouched and step is Step.APPLY:
            raise BlockedError(stop.why)
        raise NotNowError(stop.why)

    async def _wait_for_beacon(self) -> None:
        """Give a beacon the time to come: right after a start none has been heard yet."""
        if self._permit is not None and monotonic() - self._permit.heard_at <= FRESH_SECONDS:
            return
        self._heard.clear()
        try:
            async with asyncio.timeout(self._patience):
                await self._heard.wait()
        except TimeoutError:
            return
