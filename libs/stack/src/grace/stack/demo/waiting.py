"""Waiting with a deadline, and work beside the story whose failure is the story's failure."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import TypeVar

from grace.client import GatewayTimeout, RateLimited, Unavailable, Unreachable
from grace.kit import end_tasks
from grace.stack.errors import StackError

T = TypeVar("T")
_PAUSE = 0.1  # seconds between two questions
# A service that is busy or starts again is no reason to stop asking.
_PASSING = (GatewayTimeout, RateLimited, Unavailable, Unreachable)


class Beside:
    """One task that runs beside the story."""

    def __init__(self, task: "asyncio.Task[None]") -> None:
        """Keep an eye on a task."""
        self._task = task

    def check(self) -> None:
        """Raise what the task ended with, if it failed."""
        if self._task.done() and not self._task.cancelled():
            failure = self._task.exception()
            if failure is not None:
                raise failure


@asynccontextmanager
async def beside(work: Coroutine[object, object, None]) -> AsyncIterator[Beside]:
    """Run the work for the length of the block; at its end it is cancelled and has ended."""
    task = asyncio.create_task(work)
    try:
        yield Beside(task)
    finally:
        await end_tasks([task])


async def until(
    question: Callable[[], Awaitable[T | None]],
    *,
    within: float,
    what: str,
    checks: tuple[Callable[[], None], ...] = (),
) -> T:
    """Ask until there is an answer other than None or False, and return it.

    StackError when there is none after `within` seconds; `what` says in the message what did not
    happen. Each check is called before each question and raises when waiting is in vain.
    """
    deadline, problem = time.monotonic() + within, ""
    while True:
        for check in checks:
            check()
        try:
            answer = await question()
        except _PASSING as error:
            answer, problem = None, f" ({error})"
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() >= deadline:
            raise StackError(f"waited {within:.0f} s in vain until {what}{problem}")
        await asyncio.sleep(_PAUSE)


async def in_thread(work: Callable[[], None]) -> None:
    """Run what blocks in a thread; it has ended when this returns, cancelled or not."""
    task = asyncio.create_task(asyncio.to_thread(work))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
