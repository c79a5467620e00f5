"""A pull for those whom no news is urgent for: all that has come is taken, then nothing for a while.

What comes meanwhile waits in its stream, and costs nobody anything. One transaction then carries
up to 256 messages, however slowly they came.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from nats.aio.client import Client
from nats.aio.msg import Msg

from grace.kit.logs import Logger
from grace.kit.pull import StandingPull

# How long the server waits for one more before it says that there are no others.
_EXPIRES = 1.0
_LOOK_UP = 1.0
# ADR-37 of NATS: a request that was not filled in its time.
_TIME_IS_UP = "408"


class Harvest(StandingPull):
    """Asks until nothing is left, then rests for `every`."""

    def __init__(
        self, client: Client, stream: str, durable: str, log: Logger, *, every: timedelta
    ) -> None:
        super().__init__(client, stream, durable, log)
        self._every = every.total_seconds()
        self._rests_until: float | None = None
        self._is_ended = False
        self._unanswered_since = time.monotonic()

    @property
    def silent_for(self) -> float:
        """Seconds without a sign of life since it asked first; who rests has not asked."""
        if self._rests_until is not None:
            return 0.0
        return time.monotonic() - max(self._last_sign, self._unanswered_since)

    def restart(self) -> None:
        """What had been asked for is forgotten, and so is what ended."""
        self._is_ended = False
        super().restart()

    async def take(self) -> list[Msg]:
        """What has come, at most 256; empty while it rests, so that callers look up."""
        if self._rests_until is not None and not self._arrived:
            if time.monotonic() < self._rests_until:
                await self._rest(self._rests_until)
                return []
            self._rests_until, self._wanted = None, 0
            await self._ask()
        return await super().take()

    async def _rest(self, until: float) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, min(_LOOK_UP, until - time.monotonic()))):
                await self._wake.wait()

    async def _wait(self) -> None:
        await super()._wait()
        # Silence is no answer: only a server whose time for more ran out says that nothing is left.
        if self._is_ended and not self._arrived:
            self._rests_until = time.monotonic() + self._every

    async def _ask(self) -> None:
        if self._rests_until is not None:
            return
        self._is_ended = False
        if self._last_sign >= self._unanswered_since:
            self._unanswered_since = time.monotonic()
        await super()._ask()

    def _on_status(self, headers: dict[str, str]) -> None:
        super()._on_status(headers)
        if headers.get("Status") == _TIME_IS_UP:
            self._is_ended = True

    def _request(self, more: int) -> dict[str, int]:
        kept = super()._request(more)
        del kept["idle_heartbeat"]
        return {**kept, "expires": int(_EXPIRES * 1e9)}
