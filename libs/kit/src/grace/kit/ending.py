"""Ends tasks for certain: one cancellation is not always enough."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

# Longer than any clean-up of ours takes, which a second cancellation would cut short.
_AGAIN_SECONDS = 3.0


async def end_tasks(tasks: Iterable[asyncio.Future[Any]], *, again: float = _AGAIN_SECONDS) -> None:
    """Cancel the tasks, `again` after so many seconds, until each has ended; results are dropped.

    `asyncio.wait_for` before Python 3.12 drops a cancellation that arrives together with its answer
    (python/cpython#86296), and nats-py and asyncpg use it: a task in a loop would go on for ever.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        done, waiting = await asyncio.wait(waiting, timeout=again)
        await asyncio.gather(*done, return_exceptions=True)
