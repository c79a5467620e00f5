"""Serves all requests of a subject that wait in one transaction at a time: a grouped commit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from grace.contracts.message import Message
from grace.kit.database import TRANSIENT
from grace.kit.errors import Unavailable
from grace.kit.stream import Called, Calls, Weight

# Whoever came in the same moment is a few turns of the loop behind, and comes along: two workers that one
# hint woke are one claim.
_TURNS = 3

# Much is not kept waiting: what this service does for it is done while Postgres works on the other.
_MUCH = 64

Reply = Message | Exception
Waiting = list[tuple[Called[Any], asyncio.Future[Message]]]
Transact = Callable[[Calls], Awaitable[Sequence[Any]]]


class Group:
    """Whoever comes while a transaction runs waits for the next one, together with the others.

    Where requests have a weight, a second transaction begins beside the first as soon as much waits.
    """

    def __init__(self, transact: Transact, *, weight: Weight | None = None) -> None:
        """`transact` answers all calls in one transaction, in their order, or raises."""
        self._transact = transact
        self._weight = weight
        self._waiting: Waiting = []
        self._busy, self._beside = asyncio.Lock(), asyncio.Lock()

    async def call(self, called: Called[Any]) -> Message:
        """Wait for the transaction that carries this request."""
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting.append((called, answer))
        async with self._place():
            if not answer.done():
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                if self._waiting:  # else the other transaction carries it
                    await self._serve()
        return await answer

    def _place(self) -> asyncio.Lock:
        if self._weight is None or self._beside.locked() or not self._busy.locked():
            return self._busy
        is_much = sum(self._weight(called) for called, _ in self._waiting) >= _MUCH
        return self._beside if is_much else self._busy

    async def _serve(self) -> None:
        batch: Waiting = []
        calls = Calls(self._join(batch), partial(self._join, batch))
        replies: Sequence[Reply] | None = None
        try:
            replies = await self._answer(calls)
        finally:  # cancelled in the middle of it, too: nobody may wait for ever
            if replies is None:
                replies = [Unavailable()] * len(batch)
            for (_, answer), reply in zip(batch, replies, strict=True):
                _settle(answer, reply)

    def _join(self, batch: Waiting) -> Sequence[Called[Any]]:
        came, self._waiting = self._waiting, []
        batch += came
        return [called for called, _ in came]

    async def _answer(self, calls: Calls) -> Sequence[Reply]:
        """All in one transaction; when it fails, in halves, until the offender stands alone."""
        try:
            return await self._transact(calls)
        except TRANSIENT as error:
            return [error] * len(calls)
        except Exception as error:  # noqa: BLE001 - the edge: it becomes the answer
            if len(calls) == 1:
                return [error]
        half = len(calls) // 2
        first, second = Calls(calls[:half]), Calls(calls[half:])
        return [*await self._answer(first), *await self._answer(second)]


def _settle(answer: asyncio.Future[Message], reply: Reply) -> None:
    if answer.done():  # cancelled: its caller has gone
        return
    if isinstance(reply, Exception):
        answer.set_exception(reply)
    else:
        answer.set_result(reply)
