"""Request/reply: nats-py asks and serves what is light, FastStream what is a transaction each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from faststream.nats import NatsBroker, NatsMessage
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.errors import TimeoutError as NatsTimeout
from opentelemetry.trace import SpanKind

from grace.contracts.kit import Problem
from grace.contracts.message import ContractError, Message
from grace.contracts.registry import model_of
from grace.contracts.subject import Subject
from grace.contracts.subjects import SUBJECTS
from grace.kit import envelope, metrics, tracing
from grace.kit.database import TRANSIENT
from grace.kit.envelope import KEY_ID, SCHEMA, Raw, Refusal, open_message
from grace.kit.errors import (
    Forbidden,
    GraceError,
    InternalError,
    Invalid,
    Kind,
    TimedOut,
    Unavailable,
    error_of,
)
from grace.kit.group import Group
from grace.kit.handler import Handler
from grace.kit.ids import new_id
from grace.kit.stream import Called, CallRoute, Calls
from grace.kit.text import harmless

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

# Requests of one subject that are worked on at the same time.
_CONCURRENCY = 64
_LONGEST_DETAIL = 4096
# It takes a few turns of the loop from the subscription to the handler.
_TURNS = 10


class Server:
    """Answers the requests of one route."""

    def __init__(self, runtime: Runtime, route: CallRoute) -> None:
        self._runtime = runtime
        self._route = route
        self._group = Group(self._transact, weight=route.weight) if route.many else None
        # One that is no transaction of its own: what FastStream takes for it would be the most of it.
        self._is_light = route.one is None
        self._subject = route.spec.served_by(runtime.name)
        self._subscription: Subscription | None = None
        self._places = asyncio.Semaphore(_CONCURRENCY)
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def subscribe(self, broker: NatsBroker) -> None:
        """Register with the broker, one queue group for all replicas of the service.

        FastStream hands requests over one by one, and the kit answers many at a time: to do that, it
        would keep a task group and a queue for each route, which is most of what a start costs.
        """
        if self._is_light:
            return  # listen() takes these
        broker.subscriber(self._subject, queue=self._runtime.name, no_reply=True)(
            Handler(self.take)
        )

    async def listen(self) -> None:
        """Take the requests of a light route from nats-py itself.

        FastStream's way to a handler costs more than all that htm does for a task of a group.
        """
        if self._is_light:
            self._subscription = await self._runtime.client.subscribe(
                self._subject, queue=self._runtime.name, cb=self._take
            )

    async def drain(self) -> None:
        """Take no more, but have what the server had sent already."""
        if self._subscription is not None:
            await self._subscription.drain()  # type: ignore[no-untyped-call]
            self._subscription = None

    async def take(self, message: NatsMessage) -> None:
        """Answer one request that FastStream brings, beside those in hand."""
        await self._take(message.raw_message)

    async def _take(self, message: Msg) -> None:
        if not message.reply:
            return  # nobody waits
        await self._places.acquire()
        self._runtime.soon(self._respond(message))

    async def _respond(self, message: Msg) -> None:
        try:
            schema, data = await self._answer(message.subject, message.data, message.headers)
            await self._runtime.client.publish(message.reply, data, headers={SCHEMA: schema})
        except NatsError as error:  # the connection went, and nobody can be answered over another
            self._runtime.log.warning("rpc.unanswered", error=repr(error))
        finally:
            self._places.release()

    async def _answer(
        self, subject: str, body: bytes, headers: Mapping[str, Any] | None
    ) -> tuple[str, bytes]:
        """Whatever happens, the caller gets a message with a schema."""
        started = time.monotonic()
        given = {str(key): str(value) for key, value in (headers or {}).items()}
        raw = Raw(subject, body, given, "", datetime.now(UTC))
        with self._counted():
            schema, data, outcome = await self._guarded(raw)
        labels = (self._runtime.name, self._route.spec.name, outcome)
        metrics.RPC_SECONDS.labels(*labels).observe(time.monotonic() - started)
        return schema, data

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self._in_hand += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_hand -= 1
            if self._in_hand == 0:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until every request that was handed over is answered."""
        quiet = 0
        while quiet < _TURNS:
            await self._idle.wait()
            await asyncio.sleep(0)
            quiet = quiet + 1 if self._idle.is_set() else 0

    async def _guarded(self, raw: Raw) -> tuple[str, bytes, str]:
        """Schema and bytes of the answer, and what came of it."""
        try:
            reply = await self._handle(raw)
            return reply.SCHEMA, envelope.body_of(reply), "ok"
        except GraceError as error:
            return _problem(error.kind, error.detail)
        except TRANSIENT as error:
            self._runtime.log.warning("rpc.unavailable", error=repr(error))
            return _problem(Kind.UNAVAILABLE, str(Unavailable.__doc__))
        except Exception:  # the edge: a bug is an answer too, its details are in the log
            self._runtime.log.exception("rpc.failed", subject=self._route.spec.name)
            return _problem(Kind.INTERNAL, str(InternalError.__doc__))

    async def _handle(self, raw: Raw) -> Message:
        called = await self._open(raw)
        work = tracing.span(
            f"process {self._route.spec.name}", kind=SpanKind.SERVER, parents=[called.traceparent]
        )
        with tracing.use(work):
            return await self._call(called)

    async def _call(self, called: Called[Any]) -> Message:
        if self._group is not None:
            return await self._group.call(called)
        if self._route.direct is not None:
            return await self._route.direct(called, self._runtime)
        assert self._route.one is not None  # noqa: S101 - one of three is always there
        async with self._runtime.unit(correlation_id=called.correlation_id) as unit:
            return await self._route.one(called, unit)

    async def _transact(self, calls: Calls) -> Sequence[Any]:
        assert self._route.many is not None  # noqa: S101 - a group is made for `many` only
        async with self._runtime.unit(correlation_id=calls[0].correlation_id) as unit:
            replies = await self._route.many(calls, unit)
            if len(replies) != len(calls):
                raise RuntimeError(f"{len(calls)} requests, {len(replies)} answers")
        return replies

    async def _open(self, raw: Raw) -> Called[Any]:
        """The request with its caller checked, or the error that says why not."""
        if (key_id := raw.headers.get(KEY_ID)) and not self._route.spec.unsigned_allowed:
            await self._runtime.keys.learn({key_id})
        try:
            got = open_message(raw, self._route.spec, self._runtime.keys)
        except Refusal as refusal:
            raise _refused(refusal) from None
        return Called(
            got.body,
            got.id,
            got.subject,
            got.publisher,
            got.key_id,
            got.tenant,
            got.correlation_id,
            got.traceparent,
        )


def _problem(kind: Kind, detail: str) -> tuple[str, bytes, str]:
    problem = Problem(kind=kind, detail=harmless(detail, _LONGEST_DETAIL))
    return problem.SCHEMA, problem.to_bytes(), kind


def _refused(refusal: Refusal) -> GraceError:
    if refusal.reason in {"schema", "not_json"}:
        return Invalid(refusal.detail)
    return Forbidden(f"{refusal.reason}: {refusal.detail}")


async def ask(
    runtime: Runtime, request: Message, *,
    timeout: float, correlation_id: str, identity: UUID | None = None, service: str = "",
) -> Message:  # fmt: skip
    """Send a request and read its answer. Raises GraceError with the kind that the owner gave.

    `service`: whom to ask what each service answers.
    """
    spec = SUBJECTS[request.SUBJECT]
    subject = spec.at(service=service or runtime.name)
    with tracing.use(tracing.span(f"request {spec.name}", kind=SpanKind.CLIENT)):
        data, headers = _request(
            runtime, spec, request,
            subject=subject, correlation_id=correlation_id, identity=identity or new_id(),
        )  # fmt: skip
        try:
            reply = await runtime.client.request(subject, data, timeout=timeout, headers=headers)
        except NatsTimeout:
            raise TimedOut(f"{subject} was not answered within {timeout} s") from None
        except NoRespondersError:
            raise Unavailable(f"nobody answers {subject}") from None
        except NatsError as error:
            raise Unavailable(f"{subject} cannot be asked: {error}") from None
    return _read_reply(spec.name, spec.reply, reply.headers or {}, reply.data)


def _request(
    runtime: Runtime, spec: Subject, request: Message, *, subject: str,
    correlation_id: str, identity: UUID,
) -> tuple[bytes, dict[str, str]]:  # fmt: skip
    """Body and headers. Raises Unavailable and TooLarge for what would never arrive."""
    # nats-py would keep it and send it at the reconnect, when nobody waits for the answer any more.
    if not runtime.client.is_connected:
        raise Unavailable(f"{spec.name} cannot be asked: NATS is unreachable")
    data = envelope.body_of(request)
    headers = envelope.headers_of(
        # The first key must come to somebody who has none yet: these requests are never signed.
        None if spec.unsigned_allowed else runtime.keys,
        request,
        subject=subject,
        identity=identity,
        data=data,
        correlation_id=correlation_id,
        traceparent=tracing.current_traceparent(),
    )
    return data, headers


def _read_reply(name: str, schema: str | None, headers: dict[str, str], data: bytes) -> Message:
    """Refuse what a stream or a stranger answers in the owner's place."""
    given = headers.get(SCHEMA)
    if given is None or given not in {schema, Problem.SCHEMA}:
        raise Unavailable(f"{name} was answered without the schema {schema}")
    try:
        reply = model_of(given).from_bytes(data)
    except ContractError as error:
        raise Unavailable(f"{name} was answered wrongly: {error}") from None
    if isinstance(reply, Problem):
        raise error_of(reply.kind, reply.detail)
    return reply
