"""Hands the events to everybody who follows them: one reader for a process, a queue for each."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from grace.gateway.api.journal import Event, Journal, Page
from grace.gateway.domain.following import Interest
from grace.gateway.settings import Settings
from grace.kit import GraceError, RateLimited, Runtime

# A wiped server comes back with a stream that begins anew, and nothing else tells.
_LOOK_SECONDS = 5.0


class TooManyStreams(RateLimited):
    """This API key follows the events too often at once: close a stream first."""


class StreamLost(Exception):
    """The stream was made anew: the sequences that its followers know mean nothing in it."""


class Follower:
    """One client: what waits for it, and whether it was cut off."""

    def __init__(self, interest: Interest, *, backlog: int) -> None:
        self._interest = interest
        self._backlog = backlog
        self._waiting: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._is_cut = False
        self._seen = 0
        # How far it is with what it has taken; events that are not for it count too.
        self.position = 0

    @property
    def has_ended(self) -> bool:
        """Whether it was cut off and has taken all that had come before."""
        return self._is_cut and not self._waiting

    def offer(self, event: Event) -> None:
        """Queue an event that is for this follower; without room it is cut off."""
        if self._is_cut:
            return
        if self._interest.covers(event):
            if len(self._waiting) >= self._backlog:
                self.cut()
                return
            self._waiting.append(event)
            self._wake.set()
        self._seen = event.sequence

    def cut(self) -> None:
        """Let nothing more come: the client goes on from its last event, by itself."""
        self._is_cut = True
        self._wake.set()

    async def take(self, *, within: float) -> list[Event]:
        """Return what waits, after `within` seconds even if that is nothing."""
        if not self._waiting and not self._is_cut:
            self._wake.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    await self._wake.wait()
        events = list(self._waiting)
        self._waiting.clear()
        self.position = self._seen
        return events


class Feed:
    """The followers of this process. It reads while there are any."""

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.journal = Journal(runtime)
        self._runtime = runtime
        self._settings = settings
        self._followers: set[Follower] = set()
        self._seats: Counter[str] = Counter()
        self._is_reading = False
        self._position = 0
        self._made_at = ""
        self._look_at = 0.0
        self._reconnects = 0
        self._trouble = ""

    @contextmanager
    def seat(self, key_id: str) -> Iterator[None]:
        """Count a stream of a key. Raises TooManyStreams where it has enough of them."""
        if self._seats[key_id] >= self._settings.event_streams_per_key:
            raise TooManyStreams
        self._seats[key_id] += 1
        try:
            yield
        finally:
            self._seats[key_id] -= 1
            if self._seats[key_id] == 0:  # keys come and go for years
                del self._seats[key_id]

    def may_join(self, page: Page) -> bool:
        """Whether who has read so far can be handed the rest without missing anything."""
        return self._position <= page.position if self._is_reading else page.is_last

    @contextmanager
    def followed(self, position: int, interest: Interest) -> Iterator[Follower]:
        """Queue every event behind `position`, for somebody who may join there."""
        follower = Follower(interest, backlog=self._settings.event_backlog)
        self._followers.add(follower)
        if not self._is_reading:
            self._is_reading, self._position = True, position
            self._made_at, self._look_at = "", 0.0
            self._runtime.soon(self._read())
        try:
            yield follower
        finally:
            self._followers.discard(follower)

    async def _read(self) -> None:
        """Read while there are followers. Whoever is left at its end is cut off, and comes again."""
        try:
            while self._followers and not self._runtime.stopping.is_set():
                if not await self._turn():
                    await self.rest()
        except StreamLost:
            self._runtime.log.warning("events.begin_anew", position=self._position)
        finally:
            self._is_reading = False
            for follower in self._followers:
                follower.cut()

    async def _turn(self) -> bool:
        """Hand over what has come; True while there is more."""
        try:
            await self._refuse_another_stream()
            page = await self.journal.read(self._position)
        except GraceError as error:
            self._tell(error.detail)
            return False
        self._tell("")
        for event in page.events:
            self._hand_over(event)
        self._position = page.position
        return not page.is_last

    def _tell(self, trouble: str) -> None:
        """Log what is wrong once, not at every look."""
        if trouble != self._trouble:
            self._runtime.log.warning(
                "events.unreadable" if trouble else "events.readable", why=trouble
            )
        self._trouble = trouble

    def _hand_over(self, event: Event) -> None:
        for follower in self._followers:
            follower.offer(event)

    async def rest(self) -> None:
        """Wait until it is worth looking again."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.event_interval.total_seconds()):
                await self._runtime.stopping.wait()

    async def _refuse_another_stream(self) -> None:
        """Look now and then: reading on in another stream would be silence, or the wrong place."""
        now, reconnects = time.monotonic(), self._runtime.client.stats["reconnects"]
        if now < self._look_at and reconnects == self._reconnects:
            return
        extent = await self.journal.extent()
        self._look_at, self._reconnects = now + _LOOK_SECONDS, reconnects
        if extent.last < self._position or self._made_at not in {"", extent.made_at}:
            raise StreamLost
        self._made_at = extent.made_at
