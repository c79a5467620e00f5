"""Events over a WebSocket: what server-sent events tell, with subscriptions that come and go."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as HttpScope

from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.conversation import Conversation
from grace.gateway.api.feed import Feed
from grace.gateway.api.handshake import (
    EXTENSION,
    PATH,
    Offer,
    chosen_subprotocol,
    refuse_foreign_origin,
)
from grace.gateway.domain.access import Key, Scope
from grace.gateway.settings import Settings
from grace.kit import RateLimited

router = APIRouter(tags=["events"])

Reader = Annotated[Caller, needs(Scope.EVENTS_READ)]


class TooManySockets(RateLimited):
    """Too many WebSockets are open: close one first."""


class Nothing(BaseModel):
    """No parameters: what stands in a path stands in logs, so a key belongs elsewhere."""

    model_config = ConfigDict(extra="forbid")


class Places:
    """Counts the WebSockets of this process, in all and for each principal."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._taken: Counter[tuple[str, str]] = Counter()

    @contextmanager
    def place(self, key: Key) -> Iterator[None]:
        """Count one. Raises TooManySockets where there is no place."""
        whose = key.tenant_id, key.principal
        if self._taken[whose] >= self._settings.sockets_per_principal:
            raise TooManySockets
        if self._taken.total() >= self._settings.socket_limit:
            raise TooManySockets
        self._taken[whose] += 1
        try:
            yield
        finally:
            self._taken[whose] -= 1
            if not self._taken[whose]:
                del self._taken[whose]


class EventSocket(Response):
    """One client's WebSocket: the answer 101, and the conversation behind it."""

    def __init__(
        self,
        offer: Offer,
        places: Places,
        feed: Feed,
        caller: Caller,
        *,
        subprotocol: str | None,
    ) -> None:
        super().__init__(status_code=HTTPStatus.SWITCHING_PROTOCOLS)
        self._head = [*offer.head]
        if subprotocol is not None:
            self._head.append((b"sec-websocket-protocol", subprotocol.encode()))
        self._socket = offer.socket
        self._places = places
        self._feed = feed
        self._caller = caller

    async def __call__(self, scope: HttpScope, _: Receive, send: Send) -> None:
        """Take the offer and hold the conversation; without a place it is answered by HTTP."""
        with self._places.place(self._caller.key):
            start = {"status": self.status_code, "headers": self._head}
            await send({"type": "http.response.start", **start})
            headers = Headers(scope=scope)
            await Conversation(self._socket, self._feed, self._caller, headers).hold()


_EVENT = {
    "op": "event",
    "subscription": "default",
    "id": "42",
    "subject": "approval.requested",
    "message_id": "01980a52-6c1e-7c33-9f5e-2f5d7f6f1a10",
    "issued_at": "2026-11-20T12:00:00Z",
    "correlation_id": "mission-1",
    "data": {"approval_id": "approval-1", "mission_id": "mission-1", "tier": 2, "quorum": 1},
}
_TOLD: list[dict[str, Any]] = [
    {"op": "subscribed", "subscription": "default", "id": "41"},
    {
        "op": "gap",
        "subscription": "default",
        "reason": "What came right after this event is no longer kept.",
        "kept_after": "40",
    },
    _EVENT,
    {"op": "heartbeat", "subscription": "default", "id": "42"},
    {"op": "unsubscribed", "subscription": "default", "id": "42"},
    {
        "op": "error",
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "No subscription of this name is followed.",
        "instance": PATH,
        "code": "not_found",
        "request_id": "01980a52-6c1e-7c33-9f5e-2f5d7f6f1a10",
        "errors": [],
    },
    {"op": "stopping", "reason": "This gateway stops: connect again with your last id."},
]
_ANSWER: dict[str, Any] = {
    "description": "A WebSocket from here on. This answer has no body; the texts that come over the "
    "connection are these.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["op"],
                "properties": {"op": {"type": "string"}},
            },
            "examples": {each["op"]: {"value": each} for each in _TOLD},
        }
    },
}


@router.get(
    PATH,
    summary="Follow the events over a WebSocket",
    response_class=Response,
    status_code=HTTPStatus.SWITCHING_PROTOCOLS,
    responses={101: _ANSWER, 426: {"description": "Upgrade Required"}},
)
async def open_socket(
    request: Request, caller: Reader, _nothing: Annotated[Nothing, Query()]
) -> Response:
    """Ask for an upgrade to WebSocket (RFC 6455), version 13; anything else gets 426.

    A page's script, which can set no header, offers the subprotocols `grace.v1` and `bearer.<key>`;
    `grace.v1` is answered. An `Origin` must be this host, or one that the operator allows.

    The client sends `{"op":"subscribe","subjects":["approval.requested"],"after":"41"}` and
    `{"op":"unsubscribe"}`; with `"subscription":"<name>"` it has several. `subjects` and `after` are those of
    `/api/events/stream`, and so are events, ids, `gap` and what the last text says before a close. Close codes: 1001
    `stopping`, 1013 `lagging` or takes nothing, 4401 `closed` (the key has ended), 1008 too many messages, 1003 no
    text, 1007 no UTF-8, 1009 too long, 1011 no pong.
    """
    offer: Offer | None = request.scope.get("extensions", {}).get(EXTENSION)
    if offer is None:
        raise HTTPException(
            HTTPStatus.UPGRADE_REQUIRED,
            "This path speaks WebSocket: ask for an upgrade, with Sec-WebSocket-Version 13.",
            {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"},
        )
    refuse_foreign_origin(request.headers, caller.settings.socket_origins)
    subprotocol, state = chosen_subprotocol(request.headers), request.app.state
    return EventSocket(offer, state.places, state.feed, caller, subprotocol=subprotocol)
