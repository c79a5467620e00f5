"""Waiting for what happens elsewhere: by looking again, with a deadline."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

from grace.kit import GraceError

_PAUSE = 0.04


async def eventually(question: Callable[[], Any], *, timeout: float = 5.0) -> Any:  # noqa: ANN401 - the answer, whatever it is
    """Ask until the answer is true, and return it; AssertionError after `timeout` seconds.

    An AssertionError, LookupError or GraceError inside the question counts as "not yet".
    """
    deadline = time.monotonic() + timeout
    while True:
        answer, problem = await _ask(question)
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not true within {timeout} s") from problem
        await asyncio.sleep(_PAUSE)


async def _ask(question: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        answer = question()
        return (await answer if inspect.isawaitable(answer) else answer), None
    except (AssertionError, LookupError, GraceError) as problem:
        return None, problem
