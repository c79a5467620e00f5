"""The running service: its settings, its connections, its keys; what handlers and loops act through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID

from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.client import JetStreamContext
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential_jitter

from grace.contracts.message import Message, Query
from grace.contracts.subjects import SUBJECTS
from grace.kit import bus, database, envelope, logs, rpc, tracing
from grace.kit.begin import transaction
from grace.kit.crash import CrashPoint
from grace.kit.ending import end_tasks
from grace.kit.ids import new_id
from grace.kit.keys import Keys, KeySource
from grace.kit.leadership import Leadership
from grace.kit.outgoing import Fresh
from grace.kit.prompt import Prompt
from grace.kit.sql import Transaction
from grace.kit.unit import OutboxRow, Unit

if TYPE_CHECKING:
    from grace.kit.database import Pool
    from grace.kit.settings import ServiceSettings

R = TypeVar("R", bound=Message)
# What runs beside may end on its own for so long when the service stops.
_SETTLE_SECONDS = 2.0
# Whoever probes a process waits a few seconds for it.
_PROBE_SECONDS = 2.0


class Runtime:
    """One running service. Made by Service.start; everything that acts is given it."""

    client: Client
    pool: Pool

    def __init__(self, name: str, settings: ServiceSettings, source: KeySource) -> None:
        self.name = name
        self.settings = settings
        self.log = logs.logger(name)
        self.keys = Keys(self, source)
        self.stopping = asyncio.Event()
        # Why it is not ready; whoever runs it knows.
        self.problems: Callable[[], list[str]] = list
        # What people have to mend, by what it is about: the service can work all the same.
        self.complaints: dict[str, Sequence[str]] = {}
        self.crash_point: CrashPoint = lambda _: None
        self._wakes: dict[type, asyncio.Event] = {}
        self.leadership = Leadership(name, partial(database.connect, name, settings))
        # What the relay may send without reading it back.
        self.fresh = Fresh()
        self._background: set[asyncio.Task[Any]] = set()
        self._jetstream: JetStreamContext | None = None
        self._probe = Prompt(self._select_one, within=_PROBE_SECONDS)

    @property
    def stream(self) -> JetStreamContext:
        """JetStream on the service's connection: one context, since each subscribes for its answers."""
        if self._jetstream is None:
            self._jetstream = bus.Publishing(self.client, timeout=5, publish_async_max_pending=1024)
        return self._jetstream

    @asynccontextmanager
    async def unit(self, *, consumer: str = "", correlation_id: str = "") -> AsyncIterator[Unit]:
        """A transaction that commits at the end of the block, with everything it published."""
        with database.lost_connections():
            async with self.pool.acquire() as connection:
                async with transaction(connection) as tx:
                    unit = Unit(self, tx, consumer, correlation_id)
                    yield unit
                    await unit.flush()
                # Before the connection goes back: that takes turns of the loop, and may fail.
                unit.finish()

    @asynccontextmanager
    async def telling(self) -> AsyncIterator[Unit]:
        """A unit that only publishes: that is one statement, which needs no transaction around it."""
        with database.lost_connections():
            async with self.pool.acquire() as connection:
                unit = Unit(self, Transaction(connection))
                yield unit
                await unit.flush()
                unit.finish()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Single statements without a transaction around them: one round trip each."""
        with database.lost_connections():
            async with self.pool.acquire() as connection:
                yield Transaction(connection)

    async def database_problem(self) -> str | None:
        """What is wrong with Postgres, told within two seconds; None where it answers."""
        if not hasattr(self, "pool"):
            return "postgres is unreachable"
        try:
            await self._probe.answer()
        except Exception as error:  # noqa: BLE001 - whatever it is, the service is not ready
            return f"postgres: {type(error).__name__}"
        return None

    async def _select_one(self) -> None:
        await self.pool.fetchval("SELECT 1")

    async def call(
        self, request: Query[R], *,
        timeout: float = 5.0, correlation_id: str = "", identity: UUID | None = None, service: str = "",
    ) -> R:  # fmt: skip
        """Ask the owner of a query and wait `timeout` seconds. Raises GraceError.

        `identity` is a UUIDv7 that a repeat has, too: what the owner names after it is made once.
        `service` is the owner of a query that each service answers.
        """
        message = cast("Message", request)
        reply = await rpc.ask(
            self, message, timeout=timeout, correlation_id=correlation_id, identity=identity,
            service=service,
        )  # fmt: skip
        return cast("R", reply)

    async def signal(self, message: Message, *, subject: str | None = None) -> None:
        """Send a hint or a beacon on core NATS; it may be lost."""
        name = subject or SUBJECTS[message.SUBJECT].at(service=self.name)
        identity, data = new_id(), envelope.body_of(message)
        headers = envelope.headers_of(
            self.keys, message, subject=name, identity=identity, data=data
        )
        try:
            await self.client.publish(name, data, headers=headers)
        except NatsError as error:
            self.log.debug("signal.lost", subject=name, error=repr(error))

    async def report(self, message: Message, *, tenant: str = "default") -> None:
        """Publish into a stream outside the outbox, again and again until it is acknowledged.

        Raises TooLarge for a message that NATS will never take.
        """
        spec = SUBJECTS[message.SUBJECT]
        name, identity, data = spec.at(service=self.name), new_id(), envelope.body_of(message)
        headers = envelope.headers_of(
            self.keys, message, subject=name, identity=identity, data=data,
            tenant=tenant, traceparent=tracing.current_traceparent(),
        )  # fmt: skip
        again = AsyncRetrying(
            retry=retry_if_exception_type((NatsError, OSError)),
            wait=wait_exponential_jitter(multiplier=0.05, max=2),
            before_sleep=lambda state: self.log.warning(
                "report.repeated", subject=name, attempt=state.attempt_number
            ),
        )
        async for attempt in again:
            with attempt:
                await self.stream.publish(
                    name, data, timeout=5, stream=spec.stream, headers=dict(headers)
                )

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside, and keep hold of it until it ends."""
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self.log.error("beside.failed", exc_info=task.exception())

    def wake(self, loop: type) -> None:
        """Let a loop tick at once: by its class, or by what it is woken by."""
        self.wake_event(loop).set()

    def wake_event(self, loop: type) -> asyncio.Event:
        """The event that a loop waits for between its ticks."""
        return self._wakes.setdefault(loop, asyncio.Event())

    def outbox_grew(self, rows: Sequence[OutboxRow] = ()) -> None:
        """Let the relay act at once instead of at its next interval; it need not read these rows."""
        from grace.kit.relay import Publish  # noqa: PLC0415 - the relay needs the runtime

        self.fresh.add(rows)
        self.fresh.left_out |= not rows
        self.wake(Publish)

    def begin_stop(self) -> None:
        """Let every loop see at once that the service stops."""
        self.stopping.set()
        for event in self._wakes.values():
            event.set()

    async def settle(self) -> None:
        """Wait for what runs beside, but not for ever."""
        if self._background:
            _, late = await asyncio.wait(set(self._background), timeout=_SETTLE_SECONDS)
            await end_tasks(late)
