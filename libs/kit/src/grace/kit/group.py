"""Serves all requests of a subject that wait in one transaction at a time: a grouped commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from grace.contracts.message import Message
from grace.kit.database import TRANSIENT
from grace.kit.errors import Unavailable
from grace.kit.stream import Called

# Whoever came in the same moment is a few turns of the loop behind, and comes along: two workers that one
# hint woke are one claim.
_TURNS = 3

Reply = Message | Exception
Transact = Callable[[Sequence[Called[Any]]], Awaitable[Sequence[Any]]]


class Group:
    """Whoever comes while a transaction runs waits for the next one, together with the others."""

    def __init__(self, transact: Transact) -> None:
        """`transact` answers all calls in one transaction, in their order, or raises."""
        self._transact = transact
        self._waiting: list[tuple[Called[Any], asyncio.Future[Message]]] = []
        self._busy = asyncio.Lock()

    async def call(self, called: Called[Any]) -> Message:
        """Wait for the transaction that carries this request."""
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting.append((called, answer))
        async with self._busy:
            if not answer.done():
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                await self._serve()
        return await answer

    async def _serve(self) -> None:
        batch, self._waiting = self._waiting, []
        replies: Sequence[Reply] = [Unavailable()] * len(batch)
        try:
            replies = await self._answer([called for called, _ in batch])
        finally:  # cancelled in the middle of it, too: nobody may wait for ever
            for (_, answer), reply in zip(batch, replies, strict=True):
                _settle(answer, reply)

    async def _answer(self, calls: Sequence[Called[Any]]) -> Sequence[Reply]:
        """All in one transaction; when it fails, in halves, until the offender stands alone."""
        try:
            return await self._transact(calls)
        except TRANSIENT as error:
            return [error] * len(calls)
        except Exception as error:  # noqa: BLE001 - the edge: it becomes the answer
            if len(calls) == 1:
                return [error]
        half = len(calls) // 2
        return [*await self._answer(calls[:half]), *await self._answer(calls[half:])]


def _settle(answer: asyncio.Future[Message], reply: Reply) -> None:
    if answer.done():  # cancelled: its caller has gone
        return
    if isinstance(reply, Exception):
        answer.set_exception(reply)
    else:
        answer.set_result(reply)
