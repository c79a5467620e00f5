"""Takes one client through the events: what it missed, what comes, until it is told why that ends.

How a client is told, as server-sent events or over a WebSocket, is its listener's business.
"""

import time
from collections.abc import Mapping, Sequence
from typing import NoReturn, Protocol

from grace.gateway.api.callers import Caller, authenticate, token_of
from grace.gateway.api.feed import Feed, Follower
from grace.gateway.api.journal import Event, Page
from grace.gateway.api.provider_keys import ProviderAway
from grace.gateway.domain.access import Scope
from grace.gateway.domain.following import Interest
from grace.kit import Unauthenticated, Unavailable
from grace.kit.database import TRANSIENT


class LastWord(Exception):
    """Why a client hears no more, as it is told."""

    def __init__(self, event: str, reason: str) -> None:
        self.event = event
        self.reason = reason
        super().__init__(reason)


LAGGING = ("lagging", "You are too far behind: connect again with your last id.")
STOPPING = ("stopping", "This gateway stops: connect again with your last id.")


class Listener(Protocol):
    """One client's end of it."""

    async def hear(self, events: Sequence[Event], position: int) -> None:
        """Take the next events, and how far the stream has been read with them."""
        ...

    async def beat(self) -> None:
        """Be told that nothing is wrong, and the position: it moves on without events too."""
        ...


class Pursuit:
    """Reads for a client of its own until it has caught up, then shares the feed's reader."""

    def __init__(
        self, feed: Feed, interest: Interest, listener: Listener, *, beat_seconds: float
    ) -> None:
        self._feed = feed
        self._interest = interest
        self._listener = listener
        self._beat_seconds = beat_seconds
        self._position = 0
        self._beat_at = 0.0

    async def run(self, position: int) -> NoReturn:
        """Go on from a position. Raises the LastWord, or what made it impossible."""
        self._position = position
        self._next_beat()
        page = await self._catch_up()
        while not self._feed.may_join(page):
            if page.is_last:  # another replica of the stream is ahead of the one that answered
                await self._feed.rest()
            page = await self._catch_up()
        with self._feed.followed(page.position, self._interest) as follower:
            while not follower.has_ended:
                await self._pass_on(follower)
        raise LastWord(*LAGGING)

    async def _catch_up(self) -> Page:
        page = await self._feed.journal.read(self._position)
        await self._tell(
            [event for event in page.events if self._interest.covers(event)], page.position
        )
        return page

    async def _pass_on(self, follower: Follower) -> None:
        events = await follower.take(within=max(0.0, self._beat_at - time.monotonic()))
        new = [event for event in events if event.sequence > self._position]
        await self._tell(new, max(self._position, follower.position))

    async def _tell(self, events: Sequence[Event], position: int) -> None:
        self._position = position
        await self._listener.hear(events, position)
        if time.monotonic() >= self._beat_at:
            self._next_beat()
            await self._listener.beat()

    def _next_beat(self) -> None:
        self._beat_at = time.monotonic() + self._beat_seconds


async def refuse_ended_key(caller: Caller, headers: Mapping[str, str], scope: Scope) -> None:
    """A key opened this door long ago; whether it still would is asked again. Raises the LastWord."""
    try:
        key = await authenticate(token_of(headers), caller.runtime, caller.sign_on)
    except (Unauthenticated, ProviderAway) as error:
        raise LastWord("closed", error.detail) from None
    except (Unavailable, *TRANSIENT):
        return
    if scope not in key.scopes:
        raise LastWord("closed", f"This API key lacks the scope {scope.value} now.")
