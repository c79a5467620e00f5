"""Runs blocking file work in a thread that ends when its task is cancelled."""

import asyncio
from collections.abc import Callable
from threading import Event
from typing import TypeVar

from grace.worker.domain.failure import NotNowError

T = TypeVar("T")


class Stop:
    """A flag that the work looks at between two files."""

    def __init__(self) -> None:
        """Begin unset."""
        self._event = Event()

    def set(self) -> None:
        """Ask the work to end."""
        self._event.set()

    def check(self) -> None:
        """Raise NotNowError if the work shall end."""
        if self._event.is_set():
            raise NotNowError("stopped between two files")


async def in_thread(work: Callable[[Stop], T]) -> T:
    """Run `work` in a thread. Cancellation returns only when the thread touches nothing more."""
    stop = Stop()
    running = asyncio.ensure_future(asyncio.to_thread(work, stop))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        stop.set()
        await asyncio.wait([running])
        if not running.cancelled():
            running.exception()  # taken, so that nobody complains about it
        raise
