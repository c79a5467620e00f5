"""Questions that many ask at once, asked together: one goes out at a time, and answers all who wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from grace.kit.errors import Unavailable

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

Q = TypeVar("Q")
A = TypeVar("A")

# Whoever was answered may have another question at once: it is to go with those who waited.
_TURNS = 3

Ask = Callable[[Sequence[Q]], Awaitable[Sequence[A | Exception]]]


class Gathering(Generic[Q, A]):
    """Whoever comes while a question is out goes with the next one; nobody waits for company.

    An answer is never older than its question: what was asked before does not answer it.
    """

    def __init__(
        self, runtime: Runtime, ask: Ask[Q, A], *, most: int, weight: Callable[[Q], int]
    ) -> None:
        """`ask` answers in the order of the questions, which weigh at most `most` unless one alone does."""
        self._runtime = runtime
        self._ask = ask
        self._most = most
        self._weight = weight
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._is_out = False

    async def ask(self, question: Q) -> A:
        """Wait for the answer, or raise what became of it."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if not self._is_out:
            self._is_out = True
            # A task of its own: who asks may go away, and the others still want their answers.
            self._runtime.soon(self._serve())
        return await answer

    async def _serve(self) -> None:
        try:
            while self._waiting:
                await self._answer(self._next())
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
        finally:
            self._is_out = False

    def _next(self) -> list[tuple[Q, asyncio.Future[A]]]:
        """As many of those who wait as go together, in their order, at least one."""
        count = weight = 0
        for question, _ in self._waiting:
            weight += self._weight(question)
            if count and weight > self._most:
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch

    async def _answer(self, batch: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        answers: Sequence[A | Exception] = [Unavailable()] * len(batch)
        try:
            answers = await self._ask([question for question, _ in batch])
        except Exception as error:  # noqa: BLE001 - the edge: it becomes the answer
            answers = [error] * len(batch)
        finally:  # cancelled in the middle of it, too: nobody may wait for ever
            for (_, waiting), answer in zip(batch, answers, strict=True):
                _settle(waiting, answer)


def _settle(waiting: asyncio.Future[A], answer: A | Exception) -> None:
    if waiting.done():  # who asked has gone
        return
    if isinstance(answer, Exception):
        waiting.set_exception(answer)
    else:
        waiting.set_result(answer)
