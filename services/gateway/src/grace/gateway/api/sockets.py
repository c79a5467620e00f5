"""One WebSocket on a connection: whole texts in, whole texts out, and nothing without an end.

The frames are read and written by websockets' own protocol, which does no I/O. Here are the bounds: how
much a client may say, how long it may take nothing, and how long a goodbye lasts.
"""

import asyncio
import os
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import cast

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from grace.gateway import metrics
from grace.gateway.api.joined import JoinedWrites
from grace.gateway.settings import Settings
from grace.resilience.ratelimit import RateLimit, TokenBucket

# Messages that wait to be looked at; until then no more are read.
_WAITING = 4
_BURST_SECONDS = 2
# For the last word of who holds a conversation: it ends what it has under way first.
_FAREWELL_SECONDS = 2.0
# For who reads slowly to hear why; less than the gateway waits for requests when it stops.
_GOODBYE_SECONDS = 5.0
# RFC 6455: a control frame holds 125 bytes, two of them the code.
_REASON_BYTES = 123


class SocketEnded(Exception):
    """The connection is over: nothing comes, and nothing more arrives."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a client may say, and how long it may say nothing to a ping."""

    message_bytes: int
    messages_per_second: int
    ping_seconds: float
    stall_seconds: float


def bounds_of(settings: Settings) -> Bounds:
    """Return the bounds that an operator has set."""
    return Bounds(
        settings.socket_message_limit,
        settings.socket_messages_per_second,
        settings.event_heartbeat.total_seconds(),
        settings.event_stall.total_seconds(),
    )


class Socket(asyncio.Protocol):
    """The server's end of one WebSocket."""

    def __init__(self, conn: ServerProtocol, bounds: Bounds, connections: set[object]) -> None:
        self._conn = conn
        self._bounds = bounds
        self._connections = connections
        self._text = bytearray()
        self._is_text = True
        self._said: deque[str] = deque()
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        limit = RateLimit(bounds.messages_per_second, _BURST_SECONDS * bounds.messages_per_second)
        self._speech = TokenBucket.full(limit, monotonic())
        self._timer: asyncio.TimerHandle | None = None
        self._farewell: asyncio.TimerHandle | None = None
        self._goodbye: asyncio.TimerHandle | None = None
        self._ping: tuple[bytes, float] | None = None
        # Why it ended, or did not begin; None while it goes on.
        self.code: int | None = CloseCode.ABNORMAL_CLOSURE

    async def receive(self) -> str:
        """Return what the client says next. SocketEnded where that is nothing."""
        while not self._said:
            self._refuse_ended()
            self._news.clear()
            await self._news.wait()
        self._refuse_ended()
        if len(self._said) == _WAITING:
            self._transport.resume_reading()
        return self._said.popleft()

    async def send(self, text: bytes) -> None:
        """Send a text once the client has taken what was sent before it, be that never."""
        await self._writable.wait()
        self._refuse_ended()
        self._conn.send_text(text)
        self._flush()

    def close(self, code: int, reason: str = "") -> None:
        """Say why, after what was sent before, and hang up when the client has heard it or takes too long."""
        if self.code is not None:
            return
        # Else the client has said goodbye in the same bytes.
        if self._conn.state is State.OPEN:
            self._conn.send_close(code, reason.encode()[:_REASON_BYTES].decode(errors="ignore"))
        self._end(code)
        self._flush()
        self._hang_up_soon()
        self._transport.resume_reading()

    def shutdown(self) -> None:
        """The server stops: who holds the conversation tells the client why, and has a moment for it."""
        if self.code is None and self._farewell is None:
            reason = "This gateway stops."
            self._farewell = self._loop.call_later(
                _FAREWELL_SECONDS, self.close, CloseCode.GOING_AWAY, reason
            )

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is done: frames from here on."""
        self._transport = cast("JoinedWrites", transport)
        self._loop = asyncio.get_running_loop()
        self._connections.add(self)
        self.code = None
        metrics.SOCKETS.inc()
        self._timer = self._loop.call_later(self._bounds.ping_seconds, self._on_beat)

    def connection_lost(self, _: Exception | None) -> None:
        """Whoever waits is told."""
        self._connections.discard(self)
        metrics.SOCKETS.dec()
        self._end(CloseCode.ABNORMAL_CLOSURE)
        if self._goodbye is not None:
            self._goodbye.cancel()

    def data_received(self, data: bytes) -> None:
        """Take frames; what is none ends it, and says so."""
        self._conn.receive_data(data)
        if self._conn.parser_exc is not None:
            said = self._conn.close_sent
            self._end(said.code if said else CloseCode.ABNORMAL_CLOSURE)
        for event in self._conn.events_received():
            if self.code is None:
                self._take(cast("Frame", event))
        self._flush()

    def eof_received(self) -> None:
        """The client says nothing more; the transport hangs up by itself."""
        self._end(CloseCode.ABNORMAL_CLOSURE)
        self._conn.receive_eof()
        self._flush()

    def pause_writing(self) -> None:
        """More waits for the client than shall be kept for it."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has taken most of it."""
        self._writable.set()

    def _refuse_ended(self) -> None:
        if self.code is not None:
            raise SocketEnded

    def _take(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.CLOSE:
                heard = self._conn.close_rcvd
                self._end(heard.code if heard else CloseCode.NO_STATUS_RCVD)
            case Opcode.PONG if self._ping is not None and frame.data == self._ping[0]:
                self._ping = None
            case _ if not self._may_speak():
                self.close(CloseCode.POLICY_VIOLATION, "Too many messages in a second.")
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                self._read(frame)

    def _may_speak(self) -> bool:
        """Pings and fragments count: each makes work, and a pong waits for who takes nothing."""
        self._speech, seconds = self._speech.take(monotonic())
        return not seconds

    def _read(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._text, self._is_text = bytearray(), frame.opcode is Opcode.TEXT
        self._text += frame.data
        if not frame.fin:
            return
        if not self._is_text:
            self.close(CloseCode.UNSUPPORTED_DATA, "Only text is understood.")
            return
        try:
            self._hear(self._text.decode())
        except UnicodeDecodeError:
            self.close(CloseCode.INVALID_DATA, "A text is UTF-8.")

    def _hear(self, text: str) -> None:
        self._said.append(text)
        self._news.set()
        if len(self._said) >= _WAITING:
            self._transport.pause_reading()

    def _on_beat(self) -> None:
        """Ask whether anybody is there; a client far away may take as long as one that reads slowly."""
        now = monotonic()
        if self._ping is None:
            self._ping = os.urandom(4), now
            self._conn.send_ping(self._ping[0])
            self._flush()
        elif now - self._ping[1] >= self._bounds.stall_seconds:
            self.close(CloseCode.INTERNAL_ERROR, "No pong came.")
            return
        self._timer = self._loop.call_later(self._bounds.ping_seconds, self._on_beat)

    def _end(self, code: int) -> None:
        if self.code is not None:
            return
        self.code = code
        metrics.count_close(code)
        self._news.set()
        self._writable.set()
        for timer in (self._timer, self._farewell):
            if timer is not None:
                timer.cancel()

    def _flush(self) -> None:
        for data in self._conn.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._hang_up()

    def _hang_up(self) -> None:
        """Both have said goodbye, or the client talks nonsense: then it has a moment to hear why."""
        self._hang_up_soon()
        if self._conn.close_rcvd is not None or self._transport.is_closing():
            self._transport.close()
        else:
            self._transport.flush()
            self._transport.write_eof()

    def _hang_up_soon(self) -> None:
        if self._goodbye is None:
            self._goodbye = self._loop.call_later(_GOODBYE_SECONDS, self._transport.abort)
