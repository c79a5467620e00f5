"""Runs services in one process: a process of one service, or the whole house on one machine."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import uvloop

from grace.kit import logs
from grace.kit.ending import end_tasks
from grace.kit.life import Running
from grace.kit.migrations import SchemaMismatch
from grace.kit.ops import listen_ops, serving_ops
from grace.kit.runtime import Runtime
from grace.kit.service import Service
from grace.kit.settings import SettingsError

_USAGE_EXIT = 78  # sysexits.h EX_CONFIG
# New objects before those are looked through: a few requests' worth, not the middle of one.
_GARBAGE = 10_000


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[Runtime]:
    """Run one service for the length of the block."""
    started = await service.start()
    try:
        yield started.runtime
    finally:
        await started.stop()


@asynccontextmanager
async def running_all(services: Sequence[Service]) -> AsyncIterator[list[Running]]:
    """Run several services. Identity starts first and stops last, since the others need its keys."""
    for service in services:
        service.refuse_unfit()
    started: list[Running] = []
    try:
        for group in _groups(services):
            await _start_together(group, started)
        yield started
    finally:
        for group in reversed(_groups(services)):
            names = {service.name for service in group}
            ending = [each.stop() for each in started if each.service.name in names]
            await asyncio.gather(*ending)


def _groups(services: Sequence[Service]) -> list[list[Service]]:
    """What starts together, in order."""
    first = [s for s in services if s.name == "identity"]
    return [first, [s for s in services if s.name != "identity"]]


async def _start_together(services: Sequence[Service], started: list[Running]) -> None:
    """Add to `started` what has started; when one cannot start, the others need not go on."""

    async def start(service: Service) -> None:
        started.append(await service.start())

    starting = [asyncio.ensure_future(start(service)) for service in services]
    try:
        await asyncio.gather(*starting)
    finally:
        await end_tasks(starting)


def stop_signal() -> asyncio.Event:
    """Set by SIGTERM and SIGINT."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def _run(build: Callable[[], Service]) -> None:
    stop = stop_signal()
    service = build()
    service.exit_on_close = True
    settings = service.settings
    logs.configure(settings.log_level)
    running = Running(service)
    # Probes are answered while the service waits for its servers, and while it stops.
    with listen_ops(settings.ops_host, settings.ops_port) as listener:
        async with serving_ops([running], listener):
            await _run_until(stop, running)


async def _run_until(stop: asyncio.Event, running: Running) -> None:
    """Start, wait, stop. The signal may come while the start still waits for a server."""
    starting = asyncio.ensure_future(running.start())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            await starting
            spare_collector()
            await stopped
    finally:
        await end_tasks([starting, stopped])
        await running.stop()


def spare_collector() -> None:
    """Let the garbage collector leave alone what the start has made: that lives as long as the process.

    A look at all of it takes 50 ms and more, in which nobody is answered and no event goes out.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GARBAGE, *gc.get_threshold()[1:])


def main(build: Callable[[], Service]) -> None:
    """Run one service as this process, until SIGTERM or SIGINT."""
    try:
        uvloop.run(_run(build))
    except (SettingsError, SchemaMismatch) as error:
        print(f"grace: {error}", file=sys.stderr)  # noqa: T201 - to whoever started it
        sys.exit(_USAGE_EXIT)
