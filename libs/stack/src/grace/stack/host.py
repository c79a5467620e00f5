"""`grace up`: Grace's servers and every service in one process, on one data directory."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from grace.contracts.permissions import INSTALLER
from grace.kit import Running, Service, end_tasks, logs, running_all
from grace.kit.ops import serve_ops
from grace.stack import streams
from grace.stack.datadir import DataDir
from grace.stack.errors import StackError
from grace.stack.installation import Installation
from grace.stack.nats import NatsServer
from grace.stack.ports import accepts, free_port, is_free
from grace.stack.postgres import PostgresServer

_WATCH_SECONDS = 1.0
_OPEN_SECONDS, _PAUSE = 30.0, 0.02
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class House:
    """A Grace that is up."""

    installation: Installation
    services: list[Running]
    port: int
    ops_port: int
    seconds: float

    @property
    def url(self) -> str:
        """Where REST answers."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def house(path: Path, port: int, say: Say) -> AsyncIterator[House]:
    """Start everything, yield it, stop everything. StackError says in one line what is wrong."""
    began = time.monotonic()
    refuse_taken(port)
    with DataDir(path) as data:
        # What a killed Grace left behind tells of processes that are gone.
        (data.path / "up.json").unlink(missing_ok=True)
        logs.configure("info", data.folder("logs") / "grace.log")
        installation = Installation(data.path)
        try:
            say("starting NATS and Postgres")
            await asyncio.to_thread(installation.start_servers)
            say("migrating schemas, applying streams")
            await installation.prepare()
            async with _services(installation, port, say, began) as up:
                yield up
        finally:
            await asyncio.to_thread(installation.stop_servers)
            (data.path / "up.json").unlink(missing_ok=True)


@asynccontextmanager
async def _services(
    installation: Installation, port: int, say: Say, began: float
) -> AsyncIterator[House]:
    say(f"starting {', '.join(installation.names)}")
    built = [_build(installation, name, port) for name in installation.names]
    stopping, log = asyncio.Event(), logs.logger("grace")
    async with running_all(built) as started:
        await until_open(port, [each.broken for each in started])
        ops_port = free_port()
        up = House(installation, started, port, ops_port, time.monotonic() - began)
        keeping = asyncio.create_task(_keep_servers(up, stopping, log))
        beside = [
            asyncio.create_task(serve_ops(started, "127.0.0.1", ops_port)),
            asyncio.create_task(_keep_streams(installation, stopping, log)),
        ]
        _write_state(up)
        try:
            yield up
        finally:
            stopping.set()
            await end_tasks(beside)
            # The keeper of the servers ends by itself: a start in its thread cannot be cancelled,
            # and would leave a server behind that nobody stops.
            await asyncio.gather(keeping, return_exceptions=True)


async def until_open(port: int, broken: Sequence[asyncio.Event]) -> None:
    """Wait for REST, which the gateway opens beside its other parts. StackError when it stays closed."""
    deadline = time.monotonic() + _OPEN_SECONDS
    while not await asyncio.to_thread(accepts, port):
        if time.monotonic() > deadline or any(each.is_set() for each in broken):
            raise StackError(
                f"nobody answers on port {port}: read logs/grace.log, then start again"
            )
        await asyncio.sleep(_PAUSE)


async def until_broken(up: House) -> StackError:
    """Wait for a service that ends while it should run, and tell which one."""
    waiting = {asyncio.ensure_future(each.broken.wait()): each.service.name for each in up.services}
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end_tasks(waiting)
    log = up.installation.root / "logs" / "grace.log"
    return StackError(f"{waiting[done.pop()]} cannot go on: read {log}, then start again")


def _build(installation: Installation, name: str, port: int) -> Service:
    return installation.build(name, port=port) if name == "gateway" else installation.build(name)


def refuse_taken(port: int) -> None:
    """StackError when somebody listens there already."""
    if not is_free(port):
        raise StackError(f"port {port} of 127.0.0.1 is taken; choose another one with --port")


async def _keep_servers(up: House, stopping: asyncio.Event, log: logs.Logger) -> None:
    """Start a server again that has died: the house must outlive its servers."""
    while not stopping.is_set():
        servers = (up.installation.nats, up.installation.postgres)
        died = [server for server in servers if not server.running]
        for server in died:
            await _start_again(server, log)
        if died:
            with suppress(StackError, OSError):  # one is away still, or the disk is full
                _write_state(up)
        with suppress(TimeoutError):
            async with asyncio.timeout(_WATCH_SECONDS):
                await stopping.wait()


async def _start_again(server: NatsServer | PostgresServer, log: logs.Logger) -> None:
    log.error("server.died", server=server.name)
    try:
        await asyncio.to_thread(server.start)
    except (StackError, OSError) as error:
        log.warning("server.not_started", server=server.name, error=str(error))


async def _keep_streams(
    installation: Installation, stopping: asyncio.Event, log: logs.Logger
) -> None:
    client = await streams.connect(
        installation.nats.url, str(installation.nats.seed_file(INSTALLER))
    )
    try:
        await streams.keep(client, stopping, log)
    finally:
        await client.close()


def _write_state(up: House) -> None:
    """What `grace doctor` reads of a running Grace: process ids and ports, no secrets."""
    state = {
        "pid": os.getpid(),
        "nats_pid": up.installation.nats.pid,
        "postgres_pid": up.installation.postgres.pid,
        "url": up.url,
        "ops_url": f"http://127.0.0.1:{up.ops_port}",
        "postgres_placement": str(up.installation.postgres.placement),
    }
    # Whole or not at all: whoever asks meanwhile reads it.
    draft = up.installation.root / "up.json.new"
    draft.write_text(json.dumps(state, indent=2), encoding="utf-8")
    draft.replace(draft.with_suffix(""))
