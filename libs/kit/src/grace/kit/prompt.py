"""A question whose asker cannot wait: it goes on beside, and whoever asks next waits for the same answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Prompt(Generic[T]):
    """Asks one thing, of one place, once at a time.

    asyncpg gives a statement up only when the server has heard of it: a timeout around one lasts as
    long as the server, or the way to it, is silent.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, T]], *, within: float) -> None:
        self._ask = ask
        self._within = within
        self._asked: asyncio.Task[T] | None = None

    async def answer(self) -> T:
        """Return the answer, or raise what came in its place. TimeoutError after `within` seconds."""
        if self._asked is None or self._asked.done():
            self._asked = asyncio.create_task(self._ask())
            self._asked.add_done_callback(_heard)
        asked = self._asked
        await asyncio.wait([asked], timeout=self._within)
        if not asked.done():
            raise TimeoutError
        return asked.result()


def _heard(asked: asyncio.Task[Any]) -> None:
    """Nobody may wait any more for what has gone wrong."""
    if not asked.cancelled():
        asked.exception()
