"""Waits for what ends later: by asking again until a deadline."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from grace.client.errors import GatewayTimeout, RateLimited, StillOpen, Unavailable, Unreachable
from grace.client.rest import Grace
from grace.contracts.verification import Baseline, Mission

T = TypeVar("T")

# A restart of the gateway or of an owner is no reason to give up waiting.
_PASSING = (GatewayTimeout, RateLimited, Unavailable, Unreachable)


async def wait_for_mission(
    grace: Grace, mission_id: str, *, timeout: float = 60.0, pause: float = 0.2
) -> Mission:
    """Return a mission once it has closed, however it ended. StillOpen after `timeout` seconds."""
    return await _wait(
        lambda: grace.mission(mission_id),
        lambda mission: mission.closed_at is not None,
        what=mission_id,
        timeout=timeout,
        pause=pause,
    )


async def wait_for_baseline(
    grace: Grace, baseline_id: str, *, timeout: float = 60.0, pause: float = 0.2
) -> Baseline:
    """Return a baseline once it is stored or failed. StillOpen after `timeout` seconds."""
    return await _wait(
        lambda: grace.baseline(baseline_id),
        lambda baseline: baseline.status != "measuring",
        what=baseline_id,
        timeout=timeout,
        pause=pause,
    )


async def _wait(
    read: Callable[[], Awaitable[T]],
    ended: Callable[[T], bool],
    *,
    what: str,
    timeout: float,
    pause: float,
) -> T:
    deadline, problem = time.monotonic() + timeout, ""
    while True:
        try:
            found = await read()
        except _PASSING as error:
            problem = f": {error}"
        else:
            if ended(found):
                return found
            problem = ""
        if time.monotonic() + pause > deadline:
            raise StillOpen(f"{what} has not ended within {timeout:g} s{problem}")
        await asyncio.sleep(pause)
