"""One client's WebSocket from its first message to its last: what it follows, and why it ends."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from websockets.frames import CloseCode

from grace.gateway import metrics
from grace.gateway.api.callers import Caller
from grace.gateway.api.feed import Feed
from grace.gateway.api.frames import Order, event_frame, frame, order_in, problem_frame
from grace.gateway.api.handshake import PATH
from grace.gateway.api.journal import Event
from grace.gateway.api.pursuit import STOPPING, LastWord, Pursuit, refuse_ended_key
from grace.gateway.api.sockets import Socket, SocketEnded
from grace.gateway.domain.access import Scope
from grace.gateway.domain.following import Interest, Start, start_at
from grace.kit import Conflict, GraceError, NotFound, RateLimited, end_tasks
from grace.kit.database import TRANSIENT

# What RFC 6455 calls a last word; 4401 is ours, after HTTP's 401.
CODES: Mapping[str, int] = {
    "stopping": CloseCode.GOING_AWAY,
    "lagging": CloseCode.TRY_AGAIN_LATER,
    "closed": 4401,
}
_LAST_WORD_SECONDS = 1.0


class SubscriptionTaken(Conflict):
    """A subscription of this name is followed: give another name, or unsubscribe first."""


class NoSubscription(NotFound):
    """No subscription of this name is followed."""


class TooManySubscriptions(RateLimited):
    """This connection follows as many subscriptions as it may: unsubscribe from one first."""


class Stalled(Exception):
    """The client takes nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """The connection to a client, for all who tell it something."""

    socket: Socket
    stall_seconds: float

    async def say(self, text: bytes) -> None:
        """Send a text. Stalled where the client takes nothing for too long."""
        try:
            async with asyncio.timeout(self.stall_seconds):
                await self.socket.send(text)
        except TimeoutError:
            raise Stalled from None


class Subscription:
    """Tells a client of the events that it named, and knows how far it is."""

    def __init__(self, name: str, line: Line, start: Start) -> None:
        self._name = name
        self._line = line
        self.start = start
        self.position = start.position

    @property
    def place(self) -> str:
        """The id behind which it goes on."""
        return str(self.position)

    async def greet(self) -> None:
        """Tell where it begins: who is cut off before the first event goes on from here."""
        await self._say("subscribed", id=self.place)
        if self.start.gap is not None:
            await self._say("gap", reason=self.start.gap, kept_after=self.place)

    async def hear(self, events: Sequence[Event], position: int) -> None:
        """Send each event; whoever ends this in between knows which was the last."""
        for event in events:
            await self._line.say(event_frame(self._name, event))
            self.position = event.sequence
            metrics.SOCKET_EVENTS.inc()
        self.position = position

    async def beat(self) -> None:
        """Tell the position: a page's scripts see no pings, and a client far from its last event reads less."""
        await self._say("heartbeat", id=self.place)

    async def _say(self, op: str, **fields: str) -> None:
        await self._line.say(frame(op, subscription=self._name, **fields))


class Conversation:
    """Listens to a client, and follows what it subscribes to, until there is a reason to end."""

    def __init__(
        self, socket: Socket, feed: Feed, caller: Caller, headers: Mapping[str, str]
    ) -> None:
        self._socket = socket
        self._feed = feed
        self._caller = caller
        self._headers = headers
        self._line = Line(socket, caller.settings.event_stall.total_seconds())
        self._beat_seconds = caller.settings.event_heartbeat.total_seconds()
        self._followed: dict[str, tuple[Subscription, asyncio.Task[None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = asyncio.Event()
        self._why: BaseException | None = None

    async def hold(self) -> None:
        """Go on until somebody ends it, and tell the client why."""
        try:
            for work in (self._listen(), self._watch_key(), self._watch_gateway()):
                self._begin(work)
            await self._over.wait()
        finally:
            await end_tasks(self._tasks)
        await self._part()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_end)
        return task

    def _on_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._why = self._why or error
            self._over.set()

    async def _listen(self) -> None:
        while True:
            text = await self._socket.receive()
            try:
                await self._obey(order_in(text))
            except (GraceError, HTTPException, RequestValidationError, *TRANSIENT) as error:
                request_id = self._caller.request_id
                await self._line.say(problem_frame(error, path=PATH, request_id=request_id))

    async def _obey(self, order: Order) -> None:
        match order.op:
            case "subscribe":
                await self._subscribe(order)
            case "unsubscribe":
                await self._unsubscribe(order.subscription)

    async def _subscribe(self, order: Order) -> None:
        if order.subscription in self._followed:
            raise SubscriptionTaken
        if len(self._followed) >= self._caller.settings.socket_subscriptions:
            raise TooManySubscriptions
        await self._refuse_ended_key()
        after = None if order.after is None else int(order.after)
        start = start_at(after, await self._feed.journal.extent())
        subscription = Subscription(order.subscription, self._line, start)
        await subscription.greet()
        interest = Interest(self._caller.tenant, frozenset(order.subjects or ()))
        task = self._begin(self._follow(subscription, interest))
        self._followed[order.subscription] = subscription, task

    async def _follow(self, subscription: Subscription, interest: Interest) -> None:
        pursuit = Pursuit(self._feed, interest, subscription, beat_seconds=self._beat_seconds)
        await pursuit.run(subscription.start.position)

    async def _unsubscribe(self, name: str) -> None:
        if name not in self._followed:
            raise NoSubscription
        subscription, task = self._followed.pop(name)
        await end_tasks({task})
        await self._line.say(frame("unsubscribed", subscription=name, id=subscription.place))

    async def _watch_key(self) -> None:
        """A connection outlives many keys; one that has ended closes it, whether it follows or not."""
        while True:
            await asyncio.sleep(self._beat_seconds)
            await self._refuse_ended_key()

    async def _refuse_ended_key(self) -> None:
        await refuse_ended_key(self._caller, self._headers, Scope.EVENTS_READ)

    async def _watch_gateway(self) -> None:
        await self._caller.runtime.stopping.wait()
        raise LastWord(*STOPPING)

    async def _part(self) -> None:
        """Say why it ends, where anybody listens."""
        if self._caller.runtime.stopping.is_set():  # the feed ends too, and knows no reason
            self._why = LastWord(*STOPPING)
        match self._why:
            case SocketEnded():
                return
            case LastWord() as word:
                await self._say_last(word)
            case GraceError(detail=detail):
                await self._say_last(LastWord("lagging", detail))
            case Stalled():
                self._caller.runtime.log.info("events.stalled", key_id=self._caller.key.key_id)
                self._socket.close(CloseCode.TRY_AGAIN_LATER, "You take nothing.")
            case error:
                self._socket.close(CloseCode.INTERNAL_ERROR)
                assert error is not None  # noqa: S101 - nothing else ends it
                raise error

    async def _say_last(self, word: LastWord) -> None:
        with suppress(TimeoutError, SocketEnded):
            async with asyncio.timeout(_LAST_WORD_SECONDS):
                await self._socket.send(frame(word.event, reason=word.reason))
        self._socket.close(CODES[word.event], word.reason)
