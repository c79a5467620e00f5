"""Rows on their way to their streams: sent and not answered, answered and not marked yet."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from nats.js.api import PubAck

if TYPE_CHECKING:
    from grace.kit.outgoing import Outgoing

# nats-py's pending futures never time out on their own (they survive a lost server).
_ACK_TIMEOUT = 5.0
# Less than what nats-py lets be pending on a connection, on which reports go out, too.
_MOST = 512

Ack = asyncio.Future[PubAck]


@dataclass(frozen=True, slots=True)
class _Sent:
    stream: str
    at: float
    ack: Ack


class Flight:
    """What was sent and is not marked as sent. A row that is forgotten here is sent again."""

    def __init__(self) -> None:
        self._waiting: dict[UUID, _Sent] = {}
        self._stored: dict[UUID, str] = {}
        self._refused: dict[UUID, float] = {}
        self._failed: list[str] = []

    def __contains__(self, identity: UUID) -> bool:
        return identity in self._waiting or identity in self._stored

    @property
    def room(self) -> int:
        """How many more may go out."""
        return _MOST - len(self._waiting)

    @property
    def under_way(self) -> list[UUID]:
        """Those that were sent and that the table does not show as sent.

        What was refused is among them for a while: a full stream takes nothing for days, and what waits
        for it is the oldest, behind which everything else would never be read.
        """
        return [*self._waiting, *self._stored, *self._refused]

    @property
    def stored(self) -> list[UUID]:
        """Those that their streams have."""
        return list(self._stored)

    def add(self, row: Outgoing, ack: Ack) -> None:
        """A row was sent, and this will be its answer."""
        self._waiting[row.id] = _Sent(row.stream, time.monotonic(), ack)
        ack.add_done_callback(partial(self._answered, row.id))

    def _answered(self, identity: UUID, ack: Ack) -> None:
        sent = self._waiting.get(identity)
        if sent is None or sent.ack is not ack:
            return  # it is nobody's any more
        del self._waiting[identity]
        if ack.cancelled():
            self._failed.append("no answer in time")
        elif (error := ack.exception()) is not None:
            self._failed.append(repr(error))
            self._refused[identity] = time.monotonic()
        else:
            self._stored[identity] = sent.stream

    def marked(self, ids: list[UUID]) -> None:
        """The table says that these were sent."""
        for identity in ids:
            self._stored.pop(identity, None)

    def lose(self, stream: str) -> None:
        """The stream has lost what it had: what it said, or will say, of these counts for nothing."""
        self._forget(lambda sent: sent.stream == stream)
        self._stored = {i: name for i, name in self._stored.items() if name != stream}

    def unanswered(self) -> None:
        """Forget what has no answer."""
        self._forget(lambda _: True)

    def clear(self) -> None:
        """Forget all: another one sends now, and may know better what the streams have."""
        self.unanswered()
        self._stored.clear()

    def _forget(self, which: Callable[[_Sent], bool]) -> None:
        self._refused.clear()
        gone = {i: sent for i, sent in self._waiting.items() if which(sent)}
        self._waiting = {i: sent for i, sent in self._waiting.items() if i not in gone}
        for sent in gone.values():
            sent.ack.cancel()  # nats-py counts those that are pending

    def failures(self) -> list[str]:
        """Why rows did not arrive since this was asked last; who waits too long is among them.

        Who was refused that long ago may be sent again.
        """
        late = time.monotonic() - _ACK_TIMEOUT
        for sent in [sent for sent in self._waiting.values() if sent.at < late]:
            sent.ack.cancel()
        self._refused = {i: at for i, at in self._refused.items() if at > late}
        failed, self._failed = self._failed, []
        return failed

    async def landed(self, *, first: bool = False) -> None:
        """Wait until all that are under way now, or the first of them, are answered or late."""
        if waiting := [sent.ack for sent in self._waiting.values()]:
            when = asyncio.FIRST_COMPLETED if first else asyncio.ALL_COMPLETED
            await asyncio.wait(waiting, timeout=_ACK_TIMEOUT, return_when=when)
