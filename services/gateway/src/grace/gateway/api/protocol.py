"""HTTP/1.1 on a socket: uvicorn's protocol with deadlines for the sender, and with our refusals.

uvicorn waits for ever for a head that trickles in, and for a body that nobody reads.
"""

import sys
from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from grace.gateway import metrics
from grace.gateway.api.errors import MEDIA_TYPE, problem_of
from grace.gateway.api.joined import JoinedWrites
from grace.gateway.api.visit import GUARDS
from grace.gateway.settings import Settings
from grace.kit import new_id

# The door answers a slow body itself; this is for bodies that nobody waits for.
_AFTER_THE_DOOR = 1.0
_ANSWERABLE = frozenset({h11.IDLE, h11.SEND_RESPONSE})
_DETAILS = {
    HTTPStatus.BAD_REQUEST: "This is no HTTP request.",
    HTTPStatus.REQUEST_TIMEOUT: "The request line and the headers did not arrive in time.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Request line and headers are too long.",
    HTTPStatus.NOT_IMPLEMENTED: "This transfer coding is not supported.",
}


def protocol_of(settings: Settings) -> type[H11Protocol]:
    """Return the protocol with the deadlines of these settings: uvicorn makes it by its class."""

    class Bounded(PatientProtocol):
        head_seconds = settings.head_timeout.total_seconds()
        body_seconds = settings.body_timeout.total_seconds() + _AFTER_THE_DOOR

    return Bounded


class PatientProtocol(H11Protocol):
    """Waits for a head and for a body, but not for ever."""

    head_seconds: float
    body_seconds: float

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*given, **named)
        self._awaited: object = None
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Wait for the first head."""
        self._joined = JoinedWrites(transport, self.loop)
        super().connection_made(cast("Transport", self._joined))
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take bytes; each new part of a request has a deadline of its own, which bytes do not move."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Go on to the next request; where half of its head is here already, wait for the rest."""
        self._joined.flush()
        super().on_response_complete()
        if self.conn.trailing_data[0]:
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """Refuse what h11 could not read; it says whether that was only too long."""
        error = sys.exception()
        hint = getattr(error, "error_status_hint", HTTPStatus.BAD_REQUEST)
        self._refuse(HTTPStatus(hint), _DETAILS.get(HTTPStatus(hint), msg))

    def _unsupported_upgrade_warning(self) -> None:
        """A request for a WebSocket is answered as what it also is; a log line would be noise."""

    def _watch(self) -> None:
        awaited = self.conn.their_state
        if awaited is self._awaited:
            return
        self._stop_waiting()
        self._awaited = awaited
        seconds = {h11.IDLE: self.head_seconds, h11.SEND_BODY: self.body_seconds}.get(awaited)
        if seconds is not None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self._on_deadline)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _on_deadline(self) -> None:
        begun = bool(self.conn.trailing_data[0])
        if self.conn.their_state is h11.IDLE and begun:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, _DETAILS[HTTPStatus.REQUEST_TIMEOUT])
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer with a problem where nothing is answered yet, and hang up."""
        if self.conn.our_state in _ANSWERABLE:
            identity = str(new_id())
            problem = problem_of(status, detail=detail, path="", request_id=identity)
            self._write(status, problem, identity)
            metrics.REQUESTS.labels("other", "unread", str(int(status))).inc()
        self.transport.close()

    def _write(self, status: HTTPStatus, body: bytes, identity: str) -> None:
        headers = GUARDS | {
            b"content-type": MEDIA_TYPE.encode(),
            b"content-length": b"%d" % len(body),
            b"x-request-id": identity.encode(),
            b"connection": b"close",
        }
        events: list[h11.Event] = [
            h11.Response(
                status_code=status, headers=list(headers.items()), reason=status.phrase.encode()
            ),
            h11.Data(data=body),
            h11.EndOfMessage(),
        ]
        for event in events:
            self.transport.write(self.conn.send(event) or b"")
