"""The life of a service: start in order, say what is wrong, stop without losing anything."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faststream.nats import NatsBroker

from grace.contracts.message import Message
from grace.kit import bus, database, migrations, relay, signals
from grace.kit.ending import end_tasks
from grace.kit.errors import GraceError
from grace.kit.intake import Intake
from grace.kit.loops import Duty, run_duty, tick_once
from grace.kit.rpc import Server
from grace.kit.runtime import Runtime
from grace.kit.sealing import SealError
from grace.kit.stream import Rpc, Stream

if TYPE_CHECKING:
    from grace.kit.service import Service

Background = Callable[[Runtime], Awaitable[None]]
Step = Callable[[], Coroutine[Any, Any, None]]

_FATAL_EXIT = 70  # sysexits.h EX_SOFTWARE: whoever started the process starts it again
_KEY_RETRY_SECONDS = (0.2, 1.0)
# Two missed heartbeats are repaired by the pull itself; this long means that it cannot.
_SILENT_SECONDS = 20.0
# No statement takes longer than 30 s: a batch that does hangs.
_STUCK_SECONDS = 120.0
_LAST_SEND_SECONDS = 2.0
_CLOSE_SECONDS = 1.0


@dataclass(slots=True)
class Parts:
    """What a service is made of."""

    stream: Stream = field(default_factory=Stream)
    rpc: Rpc = field(default_factory=Rpc)
    listeners: list[tuple[type[Message], signals.SignalHandler]] = field(default_factory=list)
    duties: list[Duty] = field(default_factory=list)
    backgrounds: list[Background] = field(default_factory=list)


class Running:
    """A service that is being started, runs, or is being stopped."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.runtime = Runtime(service.name, service.settings, service.key_source)
        self.runtime.problems = self.problems
        self.runtime.crash_point = service.crash_point
        self._parts = service.parts()
        self._broker: NatsBroker | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[Server] = []
        self._intakes: list[Intake] = []
        # Set when the service cannot go on; whoever runs it ends the process.
        self.broken = asyncio.Event()
        self._listens = False
        self._stopped = False
        self._pool_closed = False
        self._stop_by = 0.0

    async def start(self) -> None:
        """Start in order: database, bus, keys, then everything that acts."""
        try:
            self.service.refuse_unfit()
            await self._connect()
            await self._act()
        except BaseException:
            await self.stop()
            raise

    async def _connect(self) -> None:
        """Reach the servers and get the key; waits as long as it takes."""
        runtime = self.runtime
        if self.service.migrations is not None:
            runtime.pool = await self.service.pools.open(
                runtime.name, runtime.settings, runtime.log
            )
            await migrations.refuse_other_schema(runtime.pool, self.service.migrations)
        self._broker = bus.make_broker(
            runtime, on_reconnect=self._on_reconnect, on_close=self._break
        )
        runtime.client = await bus.connect(self._broker)
        await self._load_keys()

    async def _load_keys(self) -> None:
        pause, longest = _KEY_RETRY_SECONDS
        while True:
            try:
                return await self.runtime.keys.load()
            except (GraceError, SealError, *database.TRANSIENT) as error:
                self.runtime.log.warning("keys.waiting", error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, longest)

    async def _act(self) -> None:
        """Serve, listen, take batches, tick."""
        assert self._broker is not None  # noqa: S101 - _connect() comes first
        self._servers = [Server(self.runtime, route) for route in self._parts.rpc.routes]
        for server in self._servers:
            server.subscribe(self._broker)
        await self._broker.start()
        for server in self._servers:
            await server.listen()
        for model, handler in self._parts.listeners:
            await signals.listen(self.runtime, model, handler)
        await self._await_subscriptions()
        self._listens = True
        self._intakes = [Intake(self.runtime, route) for route in self._parts.stream.routes]
        for intake in self._intakes:
            self._spawn(intake.run())
        for duty in self._parts.duties:
            self._spawn(run_duty(self.runtime, duty))
        for background in self._parts.backgrounds:
            self._spawn(background(self.runtime))
        self.runtime.log.info("service.started", key_id=self.runtime.keys.key_id)

    async def _await_subscriptions(self) -> None:
        """The server has every subscription before anybody is told that requests are welcome.

        One that is lost meanwhile is no reason to end: it comes back, and the client tells it again.
        """
        log = self.runtime.log
        await bus.flush(self.runtime.client, lambda: log.warning("nats.waiting"))

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._part_ended)
        self._tasks.append(task)

    def _part_ended(self, task: asyncio.Future[None]) -> None:
        """No part may end before the service does; one that failed breaks it."""
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.runtime.log.critical("service.part_failed", exc_info=error)
        if error is not None and not self.runtime.stopping.is_set():
            self._break()

    def _on_reconnect(self) -> None:
        for intake in self._intakes:
            intake.pull.restart()
        self.runtime.outbox_grew()

    def _break(self) -> None:
        self.runtime.log.critical("service.broken")
        self.broken.set()
        if self.service.exit_on_close:
            os._exit(_FATAL_EXIT)

    def problems(self) -> list[str]:
        """Why the service is not ready; empty when it is."""
        runtime = self.runtime
        found = ["it is stopping"] if runtime.stopping.is_set() else []
        found += [] if self._is_connected else ["nats is unreachable"]
        found += [] if runtime.keys.loaded else ["no signing key yet"]
        found += [] if self._listens or not runtime.keys.loaded else ["it does not listen yet"]
        silent = [i.consumer for i in self._intakes if i.pull.silent_for > _SILENT_SECONDS]
        stuck = [i.consumer for i in self._intakes if i.busy_for > _STUCK_SECONDS]
        found += [f"consumer {name} is silent" for name in silent]
        found += [f"consumer {name} is stuck in a batch" for name in stuck]
        ended = sum(task.done() for task in self._tasks)
        return found + ([f"{ended} parts have ended"] if ended and not self._stopped else [])

    async def stop(self) -> None:
        """Stop taking work, finish what is in hand, send the outbox, close."""
        if self._stopped:
            return
        self._stopped = True
        self._stop_by = time.monotonic() + self.runtime.settings.stop_grace.total_seconds()
        self.runtime.begin_stop()
        for intake in self._intakes:
            intake.pull.nudge()
        for step in (
            self._drain_requests,
            self._end_tasks,
            self.runtime.settle,
            self._send_rest,
            self.runtime.leadership.close,
            self._close_bus,
            self._close_pool,
        ):
            await self._whatever_happens(step)

    async def _whatever_happens(self, step: Step) -> None:
        try:
            await step()
        except Exception:  # the edge: the next step must come
            self.runtime.log.exception("stop.failed", step=step.__name__)

    @property
    def _is_connected(self) -> bool:
        client = getattr(self.runtime, "client", None)
        return client is not None and client.is_connected

    @property
    def _time_left(self) -> float:
        """What is left of the grace, in seconds; closing in order always gets a moment."""
        return max(_CLOSE_SECONDS, self._stop_by - time.monotonic())

    async def _drain_requests(self) -> None:
        if self._broker is not None and self._is_connected:
            async with asyncio.timeout(self._time_left):
                await asyncio.gather(*(server.drain() for server in self._servers))
                await bus.drain(self._broker)
                await asyncio.gather(*(server.idle() for server in self._servers))

    async def _end_tasks(self) -> None:
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._time_left)
            for task in late:
                task.cancel()
            if late:
                _, late = await asyncio.wait(late, timeout=_CLOSE_SECONDS)
            if late:
                # Whoever waits for a Postgres that is silent would do so for half a minute more.
                await self._close_pool(within=0)
            await end_tasks(late)
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send_rest(self) -> None:
        """What is in the outbox waits for the next start anyway; a try makes others quicker."""
        sweep = next((d for d in self._parts.duties if isinstance(d.loop, relay.Sweep)), None)
        if sweep is None or not self._tasks or self._pool_closed:
            return
        async with asyncio.timeout(_LAST_SEND_SECONDS):
            await tick_once(self.runtime, sweep)

    async def _close_bus(self) -> None:
        try:
            if self._broker is not None and self._is_connected:
                # nats-py takes a cancellation for an answer, and goes on to wait for another one.
                stopping = asyncio.ensure_future(self._broker.stop())
                done, late = await asyncio.wait([stopping], timeout=self._time_left)
                await end_tasks(late)
                for each in done:
                    each.result()
        finally:
            client = getattr(self.runtime, "client", None)
            if client is not None and not client.is_closed:
                await client.close()

    async def _close_pool(self, within: float | None = None) -> None:
        pool = getattr(self.runtime, "pool", None)
        if pool is not None and not self._pool_closed:
            self._pool_closed = True
            left = self._time_left if within is None else within
            await self.service.pools.close(pool, within=left)
