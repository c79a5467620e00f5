"""Waits for what ends later, as functions."""

from grace.client.aio import Grace
from grace.contracts.verification import Baseline, Mission


async def wait_for_mission(
    grace: Grace, mission_id: str, *, timeout: float = 60.0, pause: float = 0.2
) -> Mission:
    """Return a mission once it has closed, however it ended. StillOpen after `timeout` seconds."""
    return await grace.wait_for_mission(mission_id, timeout=timeout, pause=pause)


async def wait_for_baseline(
    grace: Grace, baseline_id: str, *, timeout: float = 60.0, pause: float = 0.2
) -> Baseline:
    """Return a baseline once it is stored or failed. StillOpen after `timeout` seconds."""
    return await grace.wait_for_baseline(baseline_id, timeout=timeout, pause=pause)
