"""Runs periodic duties: timing, leadership, stop and errors are here, the duty is one tick()."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from grace.kit import metrics
from grace.kit.database import TRANSIENT
from grace.kit.errors import GraceError, Kind

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime


class Loop(Protocol):
    """A periodic duty. A tick re-reads the truth; it does not trust what woke it."""

    async def tick(self, runtime: Runtime) -> bool | timedelta:
        """Do what is due; True when there is more, so that the next tick comes at once.

        A time says when something is due again, where that is sooner than the interval.
        """
        ...


@dataclass(frozen=True, slots=True)
class Duty:
    """A loop with its interval; a leader's duty runs in one replica only.

    `pause` is the least time between two ticks, however often it is woken: what comes meanwhile is
    done at once then, and what comes after a quiet time is done without waiting. `woken_by` is what
    rooms below the loops can name; without it a loop is woken by its own class.
    """

    interval: timedelta
    loop: Loop
    leader: bool = False
    pause: timedelta = timedelta(0)
    woken_by: type | None = None

    @property
    def name(self) -> str:
        """The name of the duty in logs and metrics."""
        return type(self.loop).__name__.lower()


async def run_duty(runtime: Runtime, duty: Duty) -> None:
    """Tick until the service stops."""
    metrics.LOOP_FAILURES.labels(runtime.name, duty.name)
    wake = runtime.wake_event(duty.woken_by or type(duty.loop))
    while not runtime.stopping.is_set():
        wake.clear()
        begun = time.monotonic()
        again = await tick_once(runtime, duty)
        if again is True:
            await asyncio.sleep(0)  # a tick that never waits must not stop everything else
            continue
        await _within(_rest(duty, again).total_seconds(), wake)
        await _until(begun + duty.pause.total_seconds(), runtime.stopping)


def _rest(duty: Duty, again: bool | timedelta) -> timedelta:
    return min(duty.interval, again) if isinstance(again, timedelta) else duty.interval


async def _until(moment: float, event: asyncio.Event) -> None:
    """Wait: a wait of uvloop, which counts in milliseconds, may end up to one of them too early."""
    while not event.is_set() and (early := moment - time.monotonic()) > 0:
        await _within(early, event)


async def _within(seconds: float, event: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def tick_once(runtime: Runtime, duty: Duty) -> bool | timedelta:
    """One tick, if this replica is the one to do it. No error comes out: another tick follows."""
    try:
        if duty.leader and not await runtime.leadership.holds(duty.name):
            return False
        return await duty.loop.tick(runtime)
    except Exception as error:  # noqa: BLE001 - the edge of a duty
        _tell(runtime, duty, error)
        return False


def _tell(runtime: Runtime, duty: Duty, error: Exception) -> None:
    metrics.LOOP_FAILURES.labels(runtime.name, duty.name).inc()
    if is_waiting(error):
        runtime.log.warning("loop.waits", loop=duty.name, error=repr(error))
    elif isinstance(error, GraceError):  # it says what is wrong; where it was raised says no more
        runtime.log.error("loop.failed", loop=duty.name, error=error.detail)
    else:
        runtime.log.error("loop.failed", loop=duty.name, exc_info=error)


def is_waiting(error: Exception) -> bool:
    """Whether the outside world is at fault, and another try in a moment may work."""
    if isinstance(error, GraceError):
        return error.kind in {Kind.UNAVAILABLE, Kind.TIMEOUT}
    return isinstance(error, TRANSIENT)
