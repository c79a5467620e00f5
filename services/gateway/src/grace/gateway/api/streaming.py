"""Writes one client's stream of events: a greeting, what its pursuit finds, heartbeats, a last word."""

import asyncio
import json
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from grace.gateway.api.callers import Caller
from grace.gateway.api.feed import Feed
from grace.gateway.api.journal import Event
from grace.gateway.api.pursuit import STOPPING, LastWord, Pursuit, refuse_ended_key
from grace.gateway.domain import access
from grace.gateway.domain.following import Interest, Start
from grace.kit import GraceError, end_tasks

MEDIA_TYPE = "text/event-stream"
_RETRY_MILLISECONDS = 2000
_LAST_WORD_SECONDS = 1.0


class EventStream(Response):
    """One client that follows. It ends as soon as the client goes or the service stops."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        feed: Feed,
        caller: Caller,
        start: Start,
        interest: Interest,
        scope: access.Scope,
    ) -> None:
        # Proxies must pass every event on at once, and keep none.
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._caller = caller
        self._start = start
        self._interest = interest
        self._scope = scope

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Write until there is a reason to end, and tell it."""
        with self._feed.seat(self._caller.key.key_id):
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            headers = Headers(scope=scope)
            writer = Writer(
                self._feed, self._caller, self._interest, send, headers=headers, scope=self._scope
            )
            last_word = await self._until_told(writer.write(self._start), receive)
            if last_word is not None:
                await writer.end(last_word)

    async def _until_told(
        self, writing: Coroutine[Any, Any, NoReturn], receive: Receive
    ) -> LastWord | None:
        """Write until a last word is due; None where nobody would hear it."""
        work = asyncio.ensure_future(writing)
        gone = asyncio.ensure_future(_gone(receive))
        stopping = asyncio.ensure_future(self._caller.runtime.stopping.wait())
        try:
            await asyncio.wait({work, gone, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if self._caller.runtime.stopping.is_set():  # the feed ends too, and knows no reason
                return LastWord(*STOPPING)
            return self._last_word(work.exception()) if work.done() else None
        finally:
            await end_tasks({work, gone, stopping})

    def _last_word(self, error: BaseException | None) -> LastWord | None:
        match error:
            case LastWord():
                return error
            case GraceError():
                return LastWord("lagging", error.detail)
            case TimeoutError():
                self._caller.runtime.log.info("events.stalled", key_id=self._caller.key.key_id)
                return None
            case _:
                assert error is not None  # noqa: S101 - write() never returns
                raise error


class Writer:
    """Writes to one client and knows how far it is."""

    def __init__(
        self,
        feed: Feed,
        caller: Caller,
        interest: Interest,
        send: Send,
        *,
        headers: Headers,
        scope: access.Scope,
    ) -> None:
        beat_seconds = caller.settings.event_heartbeat.total_seconds()
        self._pursuit = Pursuit(feed, interest, self, beat_seconds=beat_seconds)
        self._caller = caller
        self._headers = headers
        self._send = send
        self._scope = scope
        self._position = 0

    async def write(self, start: Start) -> NoReturn:
        """Write what was missed, then what comes. Raises the LastWord, or what made it impossible."""
        self._position = start.position
        await self._greet(start.gap)
        await self._pursuit.run(start.position)

    async def hear(self, events: Sequence[Event], position: int) -> None:
        """Write them in one go."""
        if events:
            await self._put(b"".join(map(_written, events)))
        self._position = position

    async def beat(self) -> None:
        """Write a comment, and the position: a client far from its last event reads less."""
        await refuse_ended_key(self._caller, self._headers, self._scope)
        await self._put(f": heartbeat\nid: {self._position}\n\n".encode())

    async def end(self, last_word: LastWord) -> None:
        """Say why, if the client still takes it, and close the answer."""
        frame = _frame(last_word.event, {"reason": last_word.reason})
        message = {"type": "http.response.body", "body": frame, "more_body": False}
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._send(message)

    async def _greet(self, gap: str | None) -> None:
        """Tell a position at once: who is cut off before the first event goes on from here."""
        greeting = f"retry: {_RETRY_MILLISECONDS}\nid: {self._position}\n\n".encode()
        if gap is not None:
            greeting += _frame("gap", {"reason": gap, "kept_after": self._position})
        await self._put(greeting)

    async def _put(self, text: bytes) -> None:
        """Send it. TimeoutError where the client takes nothing for too long."""
        async with asyncio.timeout(self._caller.settings.event_stall.total_seconds()):
            await self._send({"type": "http.response.body", "body": text, "more_body": True})


def _written(event: Event) -> bytes:
    # Its data is one line: JSON escapes line ends, which would end the event.
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.sequence, event.subject.encode(), event.data)


def _frame(event: str, data: dict[str, str | int]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        """What comes before it is the end of an empty body."""
