"""Keeps the last word of governance: what it answered, and the beacons that came after."""

import asyncio
from time import monotonic

from grace.worker.domain.capability import Step
from grace.worker.domain.failure import BlockedError, NotNowError
from grace.worker.domain.permit import FRESH_SECONDS, Heard, Permit, Word, may_begin


class KillSwitch:
    """What was heard last, on this process's monotonic clock."""

    def __init__(self, patience: float) -> None:
        """`patience`: the seconds to wait for a first beacon."""
        self._patience = patience
        self._heard = Heard()
        self._news = asyncio.Event()

    def is_silent(self) -> bool:
        """Whether nothing that counts was heard for half of the time after which applies stop."""
        permit = self._heard.permit
        return permit is None or monotonic() - permit.heard_at > FRESH_SECONDS / 2

    def asked(self, word: Word) -> None:
        """Take up what governance answered."""
        self._take(self._heard.asked(word))

    def hear(self, beacon: Permit) -> bool:
        """Take up a beacon. False where it counts for nothing."""
        return self._take(self._heard.hear(beacon))

    def _take(self, heard: Heard) -> bool:
        if heard is self._heard:
            return False
        self._heard = heard
        self._news.set()
        return True

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
        permit = self._heard.permit
        stop = may_begin(step, permit, now=now, lease_left=lease_until - now, timeout=timeout)
        if stop is None:
            return
        if stop.is_ordered and untouched and step is Step.APPLY:
            raise BlockedError(stop.why)
        raise NotNowError(stop.why)

    async def _wait_for_beacon(self) -> None:
        """Give a beacon the time to come: right after a start none has been heard yet."""
        permit = self._heard.permit
        if permit is not None and monotonic() - permit.heard_at <= FRESH_SECONDS:
            return
        self._news.clear()
        try:
            async with asyncio.timeout(self._patience):
                await self._news.wait()
        except TimeoutError:
            return
