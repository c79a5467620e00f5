"""The door: every request gets an id, a key is asked for, its body is read, its end is told."""

import re
from http import HTTPStatus
from time import perf_counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from grace.gateway import metrics
from grace.gateway.api.bodies import ClientGone, read_json_body
from grace.gateway.api.callers import authenticate
from grace.gateway.api.errors import answer_of
from grace.gateway.settings import Settings
from grace.kit import Runtime, new_id

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{8,64}")
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_KEPT_OUT = "/api"


class Door:
    """Wraps the app: what comes in is known and clean, what goes out is counted."""

    def __init__(self, app: ASGIApp, runtime: Runtime, settings: Settings) -> None:
        self._app = app
        self._runtime = runtime
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request from its head to its last byte."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit(scope, send)
        try:
            await self._let_in(visit, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the edge: every request gets an answer
            await self._tell(visit, error, receive)
        finally:
            self._note(visit)

    async def _let_in(self, visit: "Visit", receive: Receive) -> None:
        if visit.kept_out:
            visit.state["key"] = await authenticate(visit.headers, self._runtime)
            if visit.method in _WITH_BODY:
                receive = await read_json_body(
                    visit.scope,
                    receive,
                    limit=self._settings.body_limit,
                    within=self._settings.body_timeout,
                )
        await self._app(visit.scope, receive, visit.send)

    async def _tell(self, visit: "Visit", error: Exception, receive: Receive) -> None:
        """Answer for what the app did not answer, and log what is no answer but a failure."""
        response = answer_of(error, path=visit.path, request_id=visit.request_id)
        match response.status_code:
            case HTTPStatus.INTERNAL_SERVER_ERROR:
                self._runtime.log.error("http.failed", path=visit.path, exc_info=error)
            case HTTPStatus.SERVICE_UNAVAILABLE:
                self._runtime.log.warning("http.unavailable", error=repr(error))
        if not visit.status:
            await response(visit.scope, receive, visit.send)

    def _note(self, visit: "Visit") -> None:
        seconds = perf_counter() - visit.started
        method = visit.method if visit.method in _METHODS else "other"
        metrics.REQUESTS.labels(method, visit.route, str(visit.status)).inc()
        metrics.REQUEST_SECONDS.labels(method, visit.route).observe(seconds)
        self._runtime.log.info(
            "http.answered",
            method=method,
            route=visit.route,
            status=visit.status,
            seconds=round(seconds, 4),
            principal=visit.principal,
            request_id=visit.request_id,
        )


class Visit:
    """One request on its way through."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.headers = Headers(scope=scope)
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.started = perf_counter()
        self.status = 0
        self.request_id = _request_id(self.headers.get("x-request-id", ""))
        self.state: dict[str, object] = scope.setdefault("state", {})
        self.state["request_id"] = self.request_id
        self._send = send

    @property
    def kept_out(self) -> bool:
        """Whether a key is needed."""
        return self.path == _KEPT_OUT or self.path.startswith(_KEPT_OUT + "/")

    @property
    def route(self) -> str:
        """The path with its parameters unnamed: a label must not hold ids."""
        return getattr(self.scope.get("route"), "path", "unmatched")

    @property
    def principal(self) -> str | None:
        """Who asked, where that is known."""
        return getattr(self.state.get("key"), "principal", None)

    async def send(self, message: Message) -> None:
        """Pass the answer on, with the request's id in its head."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", []), (b"x-request-id", self.request_id.encode())]
            message = {**message, "headers": headers}
        await self._send(message)


def _request_id(given: str) -> str:
    return given if _REQUEST_ID.fullmatch(given) else str(new_id())
