"""HTTP/1.1 on a socket: uvicorn's protocol with deadlines for the sender, and with our refusals.

uvicorn waits for ever for a head that trickles in, and for a body that nobody reads; it keeps a head and
trailers of any length, and hears of a flaw in a request before it has answered the one in front of it.
"""

import asyncio
import re
from asyncio import TimerHandle, Transport
from collections.abc import Callable, Iterable
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote

from httptools import (
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)
from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from websockets.datastructures import Headers
from websockets.http11 import Request

from grace.gateway import metrics
from grace.gateway.api.errors import MEDIA_TYPE, problem_of
from grace.gateway.api.handshake import EXTENSION, Offer, offer_of, with_key_in_place
from grace.gateway.api.joined import JoinedWrites
from grace.gateway.api.sockets import Bounds, bounds_of
from grace.gateway.api.visit import GUARDS
from grace.gateway.settings import Settings
from grace.kit import new_id

# The door answers a slow body itself; this is for bodies that nobody waits for.
_AFTER_THE_DOOR = 1.0
# A chunk of one byte has five more around it, and trailers are read by nobody.
_BYTES_OF_A_BODY = 8
# Requests that wait for the answer to the one in front; who sends more of them at once is told so.
_PIPELINED = 64
_SWITCH = HTTPStatus.SWITCHING_PROTOCOLS
_Head = Iterable[tuple[bytes, bytes]]
_VERSIONS = frozenset({"1.0", "1.1"})
_METHOD = re.compile(rb"[A-Z]+ ")
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "This is no HTTP request.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This method is not known here.",
    HTTPStatus.REQUEST_TIMEOUT: "The request line and the headers did not arrive in time.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body has too many bytes around it.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Request line and headers are too long.",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests wait on this connection for the one in front.",
    HTTPStatus.NOT_IMPLEMENTED: "This transfer coding is not supported.",
}


class _FlawError(Exception):
    """A head that is not answered by the app."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status)
        self.status = status


class _Part(Enum):
    """What is read of a request."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


def protocol_of(settings: Settings) -> type[HttpToolsProtocol]:
    """Return the protocol with the bounds of these settings: uvicorn makes it by its class."""

    class Bounded(PatientProtocol):
        head_seconds = settings.head_timeout.total_seconds()
        body_seconds = settings.body_timeout.total_seconds() + _AFTER_THE_DOOR
        head_limit = settings.head_limit
        message_limit = settings.head_limit + _BYTES_OF_A_BODY * settings.body_limit
        bounds = bounds_of(settings)

    return Bounded


class _OfferedCycle(RequestResponseCycle):
    """A request that is offered a WebSocket: the answer 101 takes it, any other leaves it."""

    def __init__(self, take: Callable[[_Head], None], **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**named)
        self._take = take

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] != "http.response.start" or message["status"] != _SWITCH:
            await super().send(message)
        elif not self.disconnected:
            self.disconnected = True  # of HTTP
            self._take(message["headers"])


class PatientProtocol(HttpToolsProtocol):
    """Waits for a head and for a body, but not for ever."""

    head_seconds: float
    body_seconds: float
    head_limit: int
    message_limit: int
    bounds: Bounds

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*given, **named)
        self._part = _Part.NOTHING
        self._deadline: TimerHandle | None = None
        self._start = b""  # how the request that is read begins, where nothing was in front of it
        self._bytes = 0  # of that request
        self._in_hand: RequestResponseCycle | None = None
        self._flaw: HTTPStatus | None = None
        self._offer: Offer | None = None

    @property
    def _is_answering(self) -> bool:
        """Whether a request is in hand, be it the one that is read or those in front of it."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        self._joined = JoinedWrites(transport, self.loop)
        super().connection_made(cast("Transport", self._joined))
        self._await(_Part.HEAD)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more; uvicorn would tell only the last that came."""
        self._stop_waiting()
        if self._in_hand is not None and not self._in_hand.response_complete:
            self._in_hand.disconnected = True
            self._in_hand.message_event.set()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._in_hand = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        """Take bytes; each part of a request has a deadline of its own, which bytes do not move."""
        if self._flaw is not None or self.transport.is_closing():
            return  # nobody knows what comes behind a flaw
        if self._part is _Part.NOTHING:
            self._await(_Part.HEAD)
        self._unset_keepalive_if_required()
        self._start = b"" if self._bytes else data
        self._bytes += len(data)
        self._feed(data)
        if self._part is _Part.HEAD and self._bytes > self.head_limit:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._bytes > self.message_limit:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            # It goes on as what it also is: who wants a WebSocket asks like any other.
            behind = data[upgrade.args[0] :]
            self._offer = None if behind or self._is_answering else self._offered()
            again = self._without_upgrade() + behind
            self.parser = HttpRequestParser(self)
            self._feed(again)
        except HttpParserError as error:
            self._refuse(self._status_of(error))

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._await(_Part.HEAD)
        # Where others are in front of it in the same bytes, nobody says how many are its own.
        self._bytes = max(self._bytes, 1)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a line of the head. Trailers come from nobody whose word was checked."""
        if self._part is _Part.HEAD:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the head alone says that it cannot be."""
        if flaw := self._flaw_of_head():
            raise _FlawError(flaw)
        if self.parser.should_upgrade():
            return
        self._await(_Part.BODY)
        self._name_request()
        queued = self._is_answering
        self.cycle = self._cycle()
        if self._offer is not None:
            self.flow.pause_reading()  # what comes next is frames, or the next request
        if queued:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))
        else:
            self._start_asgi_task(self.cycle, self.app)

    def on_message_complete(self) -> None:
        """All of it is here."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self._offer = None  # its request has it
        self._await(_Part.NOTHING)
        self._start, self._bytes = b"", 0

    def on_response_complete(self) -> None:
        """Go on to the next request; where half of its head is here already, wait for the rest."""
        self._joined.flush()
        super().on_response_complete()
        if self._is_answering or self.transport.is_closing():
            return
        if self._flaw is not None:
            self._answer()
        elif self._part is _Part.HEAD:
            self._unset_keepalive_if_required()
            self._await(_Part.HEAD)

    def _status_of(self, error: HttpParserError) -> HTTPStatus:
        if isinstance(error.__context__, _FlawError):
            return error.__context__.status
        if isinstance(error, HttpParserInvalidMethodError) and _METHOD.match(self._start):
            return HTTPStatus.METHOD_NOT_ALLOWED
        return HTTPStatus.BAD_REQUEST

    def _without_upgrade(self) -> bytes:
        """The head that was read, of a request that is answered by HTTP/1.1: its body comes behind it."""
        given = self.headers if self._offer is None else with_key_in_place(self.headers)
        lines = [b"%s: %s" % line for line in given if line[0] != b"upgrade"]
        first = b"%s %s HTTP/1.1" % (self.parser.get_method(), self.url)
        return b"\r\n".join([first, *lines, b"", b""])

    def _offered(self) -> Offer | None:
        method, version = self.parser.get_method().decode(), self.parser.get_http_version()
        first = Request(self.url.decode("latin-1"), Headers(), method, f"HTTP/{version}")
        connections = cast("set[object]", self.connections)
        return offer_of(first, self.headers, self.bounds, connections)

    def _take_offer(self, offer: Offer, head: _Head) -> None:
        """Answer that it is a WebSocket from here on, and let its frames go there."""
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        lines = b"".join(b"%s: %s\r\n" % line for line in head)
        self.transport.write(b"%s%s\r\n" % (STATUS_LINE[_SWITCH], lines))
        self.transport.set_protocol(offer.socket)
        offer.socket.connection_made(self.transport)
        self.flow.resume_reading()

    def _flaw_of_head(self) -> HTTPStatus | None:
        names = [name for name, _ in self.headers]
        version = self.parser.get_http_version()
        if self.parser.get_method() == b"CONNECT":
            return HTTPStatus.METHOD_NOT_ALLOWED
        if version not in _VERSIONS or names.count(b"host") != (version == "1.1"):
            return HTTPStatus.BAD_REQUEST
        codings = [value for name, value in self.headers if name == b"transfer-encoding"]
        if any(coding.lower() != b"chunked" for coding in codings):
            return HTTPStatus.NOT_IMPLEMENTED
        return HTTPStatus.TOO_MANY_REQUESTS if len(self.pipeline) >= _PIPELINED else None

    def _name_request(self) -> None:
        raw_path, _, query = self.url.partition(b"?")
        self.scope["http_version"] = self.parser.get_http_version()
        self.scope["method"] = self.parser.get_method().decode("ascii")
        self.scope["path"] = unquote(raw_path.decode("ascii"))
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = query

    def _cycle(self) -> RequestResponseCycle:
        """One request and its answer, as uvicorn makes it."""
        make: Callable[..., RequestResponseCycle] = RequestResponseCycle
        if self._offer is not None:
            self.scope["extensions"] = cast("Any", {EXTENSION: self._offer})
            make = partial(_OfferedCycle, partial(self._take_offer, self._offer))
        return make(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=self.scope["http_version"] != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def _await(self, part: _Part) -> None:
        """Wait for a part of a request, so long as that part may take."""
        if part is self._part and self._deadline is not None:
            return
        self._stop_waiting()
        self._part = part
        seconds = {_Part.HEAD: self.head_seconds, _Part.BODY: self.body_seconds}.get(part)
        if seconds is not None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        self._deadline = None
        if self._part is _Part.HEAD and self._is_answering:
            return  # on_response_complete() waits for it anew
        if self._part is _Part.HEAD and self._bytes:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer with a problem where nothing is answered yet, behind those in front, and hang up."""
        self._stop_waiting()
        self._flaw = status
        if self._part is _Part.BODY:
            self._refuse_body()
        elif self._is_answering:
            self.flow.pause_reading()
        else:
            self._answer()

    def _refuse_body(self) -> None:
        """Nobody waits for the rest of it; its request is answered in its turn."""
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        if self.pipeline:  # the last that came waits in it
            self.pipeline[0] = (self.cycle, self._answer_in_turn)
        elif self.cycle.response_started:
            self.transport.close()
        else:
            self._answer()

    async def _answer_in_turn(self, *_: object) -> None:
        self._answer()

    def _answer(self) -> None:
        assert self._flaw is not None  # noqa: S101 - _refuse() comes first
        status, identity = self._flaw, str(new_id())
        body = problem_of(status, detail=_DETAILS[status], path="", request_id=identity)
        head = GUARDS | {
            b"content-type": MEDIA_TYPE.encode(),
            b"content-length": b"%d" % len(body),
            b"x-request-id": identity.encode(),
            b"connection": b"close",
        }
        lines = b"".join(b"%s: %s\r\n" % line for line in head.items())
        self.transport.write(b"%s%s\r\n%s" % (STATUS_LINE[status], lines, body))
        metrics.REQUESTS.labels("other", "unread", str(int(status))).inc()
        self.transport.close()
