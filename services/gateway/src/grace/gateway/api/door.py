"""The door: every request gets an id, a key is asked for, its body is read, its end is told."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from http import HTTPStatus
from uuid import UUID

from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from grace.gateway import metrics
from grace.gateway.api.bodies import ClientGone, again, read_json_body
from grace.gateway.api.callers import found_keys, opened, token_of
from grace.gateway.api.errors import answer_of
from grace.gateway.api.express import Express
from grace.gateway.api.heads import refuse_long_head, refuse_unclear_head
from grace.gateway.api.hunting import hunt
from grace.gateway.api.limits import Limits
from grace.gateway.api.repeats import Attempt, Repeats
from grace.gateway.api.sign_on import SignOn
from grace.gateway.api.visit import Visit
from grace.gateway.domain.access import Key, hash_of
from grace.gateway.domain.sign_on import is_signed_token
from grace.gateway.settings import Settings
from grace.gateway.store import FoundKey
from grace.kit import Runtime, Unauthenticated, Unavailable, tracing

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# A probe must get its answer, whoever else asks from its address.
_ALIVE = "/health/live"


class Door:
    """Wraps the app: what comes in is known and clean, what goes out is counted."""

    def __init__(self, app: FastAPI, runtime: Runtime, settings: Settings, sign_on: SignOn) -> None:
        self._app = app
        self._sign_on = sign_on
        self._runtime = runtime
        self._settings = settings
        self._limits = Limits(settings)
        self._repeats = Repeats(runtime, settings)
        self._keys = found_keys(runtime)
        self._express = Express(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request from its head to its last byte."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = Visit(scope, send)
        try:
            with tracing.serving(f"HTTP {visit.method}", visit.headers.get("traceparent")):
                await self._let_in(visit, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - the edge: every request gets an answer
            await self._tell(visit, error, receive)
        finally:
            self._note(visit)

    async def _let_in(self, visit: Visit, receive: Receive) -> None:
        refuse_long_head(visit.scope, self._settings.head_limit)
        if visit.kept_out:
            await self._serve(visit, receive, token=await self._recognise(visit))
            return
        if visit.path != _ALIVE:
            self._limits.meet(visit.address)
        await self._app(visit.scope, receive, visit.send)

    async def _recognise(self, visit: Visit) -> str:
        """Find who asks, unless the address or the key asks too fast; return the token."""
        try:
            token = token_of(visit.headers)
        except Unauthenticated:
            self._limits.meet(visit.address)
            raise
        key = visit.key = await self._authenticate(visit, token)
        visit.allowance = self._limits.charge(key)
        return token

    async def _authenticate(self, visit: Visit, token: str) -> Key:
        digest = hash_of(token)
        self._limits.meet(visit.address, digest)
        try:
            if is_signed_token(token):
                key = await self._sign_on.open(token)
            else:
                key = await opened(await self._found(digest), self._runtime)
        except Unauthenticated:
            self._limits.learn(digest, opens=False)
            raise
        self._limits.learn(digest, opens=True)
        return key

    async def _found(self, digest: bytes) -> FoundKey | None:
        """Look a key up. Nobody waits for a Postgres that is silent longer than for any other owner."""
        try:
            async with asyncio.timeout(self._settings.rpc_timeout.total_seconds()):
                return await self._keys.ask(digest)
        except TimeoutError:
            raise Unavailable("Postgres has not answered in time; try again later.") from None

    async def _serve(self, visit: Visit, receive: Receive, *, token: str) -> None:
        """Hand a clean request of a known caller to its route, or answer as before."""
        refuse_unclear_head(visit.scope)
        body = await self._body(visit, receive)
        handled = partial(self._handle, visit, body, receive)
        assert visit.key is not None  # noqa: S101 - nobody else comes here
        attempt = Attempt.of(visit.scope, body, key=visit.key, token=token)
        if attempt is None:
            await handled(visit.send)
        else:
            visit.state["idempotency_key"] = attempt.for_owner
            await self._repeats.run(attempt, partial(self._handle_once, visit, handled), visit.send)

    async def _handle_once(
        self, visit: Visit, handled: Callable[[Send], Awaitable[None]], identity: UUID, send: Send
    ) -> None:
        visit.state["identity"] = identity
        await handled(send)

    async def _handle(self, visit: Visit, body: bytes, receive: Receive, send: Send) -> None:
        answer = await self._express.answer(visit, body)
        if answer is None:
            await self._app(visit.scope, again(body, receive), send)
        else:
            await answer(visit.scope, receive, send)

    async def _body(self, visit: Visit, receive: Receive) -> bytes:
        if visit.method not in _WITH_BODY:
            return b""
        limit, within = self._settings.body_limit, self._settings.body_timeout
        body = await read_json_body(visit.scope, receive, limit=limit, within=within)
        hunt(visit.path, body)
        return body

    async def _tell(self, visit: Visit, error: Exception, receive: Receive) -> None:
        """Answer for what the app did not answer, and log what is no answer but a failure."""
        response = answer_of(error, path=visit.path, request_id=visit.request_id)
        match response.status_code:
            case HTTPStatus.INTERNAL_SERVER_ERROR:
                self._runtime.log.error("http.failed", path=visit.path, exc_info=error)
            case HTTPStatus.SERVICE_UNAVAILABLE:
                self._runtime.log.warning("http.unavailable", error=repr(error))
        if not visit.status:
            await response(visit.scope, receive, visit.send)

    def _note(self, visit: Visit) -> None:
        seconds = visit.seconds
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
