"""Writes one client's stream of events: what it missed, what comes, heartbeats, a last word."""

import asyncio
import json
import time
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from typing import Any, NoReturn

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from grace.gateway.api.callers import Caller, authenticate, token_of
from grace.gateway.api.feed import Feed, Follower
from grace.gateway.api.journal import Event, Page
from grace.gateway.domain import access
from grace.gateway.domain.following import Interest, Start
from grace.kit import GraceError, Unauthenticated, Unavailable, end_tasks
from grace.kit.database import TRANSIENT

MEDIA_TYPE = "text/event-stream"
_RETRY_MILLISECONDS = 2000
_LAST_WORD_SECONDS = 1.0


class LastWord(Exception):
    """Why a stream ends, as its client is told."""

    def __init__(self, event: str, reason: str) -> None:
        self.event = event
        self.reason = reason
        super().__init__(reason)


_LAGGING = ("lagging", "You are too far behind: connect again with your last id.")
_STOPPING = ("stopping", "This gateway stops: connect again with your last id.")


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
                return LastWord(*_STOPPING)
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
        self._feed = feed
        self._caller = caller
        self._interest = interest
        self._headers = headers
        self._send = send
        self._scope = scope
        self._position = 0
        self._beat_at = 0.0

    async def write(self, start: Start) -> NoReturn:
        """Write what was missed, then what comes. Raises the LastWord, or what made it impossible."""
        self._position = start.position
        await self._greet(start.gap)
        page = await self._catch_up()
        while not self._feed.may_join(page):
            if page.is_last:  # another replica of the stream is ahead of the one that answered
                await self._feed.rest()
            page = await self._catch_up()
        with self._feed.followed(page.position, self._interest) as follower:
            while not follower.has_ended:
                await self._pass_on(follower)
        raise LastWord(*_LAGGING)

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
        self._next_beat()
        await self._put(greeting)

    async def _catch_up(self) -> Page:
        page = await self._feed.journal.read(self._position)
        await self._put_events(event for event in page.events if self._interest.covers(event))
        self._position = page.position
        await self._beat_if_due()
        return page

    async def _pass_on(self, follower: Follower) -> None:
        events = await follower.take(within=max(0.0, self._beat_at - time.monotonic()))
        await self._put_events(event for event in events if event.sequence > self._position)
        self._position = max(self._position, follower.position)
        await self._beat_if_due()

    async def _beat_if_due(self) -> None:
        """The position moves on without events too: a client far from its last one reads less."""
        if time.monotonic() < self._beat_at:
            return
        await self._refuse_ended_key()
        self._next_beat()
        await self._put(f": heartbeat\nid: {self._position}\n\n".encode())

    async def _refuse_ended_key(self) -> None:
        """A key opened this door long ago; whether it still would is asked again."""
        try:
            key = await authenticate(token_of(self._headers), self._caller.runtime)
        except Unauthenticated as error:
            raise LastWord("closed", error.detail) from None
        except (Unavailable, *TRANSIENT):
            return
        if self._scope not in key.scopes:
            raise LastWord("closed", f"This API key lacks the scope {self._scope.value} now.")

    def _next_beat(self) -> None:
        self._beat_at = time.monotonic() + self._caller.settings.event_heartbeat.total_seconds()

    async def _put_events(self, events: Iterable[Event]) -> None:
        if text := b"".join(event.text for event in events):
            await self._put(text)

    async def _put(self, text: bytes) -> None:
        """Send it. TimeoutError where the client takes nothing for too long."""
        async with asyncio.timeout(self._caller.settings.event_stall.total_seconds()):
            await self._send({"type": "http.response.body", "body": text, "more_body": True})


def _frame(event: str, data: dict[str, str | int]) -> bytes:
    return f"event: {event}\ndata: {json.dumps(data)}\n\n".encode()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        """What comes before it is the end of an empty body."""
