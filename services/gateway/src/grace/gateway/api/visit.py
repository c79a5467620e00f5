"""One request on its way through the door, and what every answer carries in its head."""

import re
from http import HTTPStatus
from time import perf_counter

from starlette.datastructures import Headers
from starlette.types import Message, Scope, Send

from grace.gateway.api.limits import Allowance
from grace.gateway.domain.access import Key
from grace.kit import new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_KEPT_OUT = "/api"
PAGE_FILES = "/docs/files"
_PAGES = ("/docs", "/redoc")
_STREAM = b"text/event-stream"
# An answer is data: no browser may run, frame, guess at or keep it.
GUARDS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
}
# The pages that show the description run scripts, their own and nobody else's.
_PAGE_POLICY = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; connect-src 'self'; worker-src blob:; frame-ancestors 'none'"
)


class Visit:
    """One request on its way through."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.headers = Headers(scope=scope)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.status = 0
        self.request_id = _request_id(self.headers.get("x-request-id", ""))
        self.state: dict[str, object] = scope.setdefault("state", {})
        self.state["request_id"] = self.request_id
        self.allowance: Allowance | None = None
        self._key: Key | None = None
        self._started = perf_counter()
        self._answered: float | None = None
        self._send = send

    @property
    def kept_out(self) -> bool:
        """Whether a key is needed."""
        return self.path == _KEPT_OUT or self.path.startswith(_KEPT_OUT + "/")

    @property
    def address(self) -> str:
        """Where it comes from: the other end of the socket, whatever its headers claim."""
        return str((self.scope.get("client") or ("",))[0])

    @property
    def route(self) -> str:
        """The path with its parameters unnamed: a label must not hold ids."""
        return getattr(self.scope.get("route"), "path", "unmatched")

    @property
    def key(self) -> Key | None:
        """The key that it came with, once that is known."""
        return self._key

    @key.setter
    def key(self, key: Key) -> None:
        self._key = key
        self.state["key"] = key

    @property
    def principal(self) -> str | None:
        """Who asked, where that is known."""
        return self._key.principal if self._key else None

    @property
    def seconds(self) -> float:
        """How long its answer took; what goes on for as long as somebody listens took until it began."""
        return (self._answered or perf_counter()) - self._started

    async def send(self, message: Message) -> None:
        """Pass the answer on, with what every answer has in its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.status == HTTPStatus.SWITCHING_PROTOCOLS or _is_stream(message):
                self._answered = perf_counter()
            message = {**message, "headers": self._head(message.get("headers", []))}
        await self._send(message)

    def _head(self, given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        guards = dict(GUARDS)
        if self.path.startswith(_PAGES):
            guards[b"content-security-policy"] = _PAGE_POLICY
        present = {name.lower() for name, _ in given}
        added = [(name, value) for name, value in guards.items() if name not in present]
        allowance = self.allowance.headers() if self.allowance else []
        return [*given, *added, *allowance, (b"x-request-id", self.request_id.encode())]


def _is_stream(head: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(_STREAM) for name, value in head["headers"]
    )


def _request_id(given: str) -> str:
    return given if _REQUEST_ID.fullmatch(given) else str(new_id())
