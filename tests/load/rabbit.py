"""A RabbitMQ of the bench's own, where RabbitMQ is installed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from load.figures import BenchError

from grace.stack.ports import free_port
from grace.stack.processes import Child, last_lines

# Debian's wrapper on the path changes to an account of its own; what it wraps does not.
_PLACES = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server")
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
MISSING = "rabbitmq-server is not installed"


def server() -> str | None:
    """The program; None where it is not installed."""
    return next(filter(None, map(shutil.which, _PLACES)), None)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[str]:
    """The URL of a server that runs for the length of the block; empty where there is none."""
    program = server()
    if program is None:
        yield ""
        return
    folder.mkdir(mode=0o700, parents=True)
    port, distribution = free_port(), free_port()
    child = Child("rabbitmq", [program], log=folder / "rabbitmq.log",
                  environment=_environment(folder, port, distribution))  # fmt: skip
    await asyncio.to_thread(child.start)
    try:
        await _listens(child, port)
        yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        await asyncio.to_thread(child.stop, signal.SIGTERM, within=_STOP_SECONDS)


def _environment(folder: Path, port: int, distribution: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"grace-bench-{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_BASE": str(folder),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
    }


async def _listens(child: Child, port: int) -> None:
    async with asyncio.timeout(_READY_SECONDS):
        while not await _answers(port):
            if not child.running:
                raise BenchError(f"RabbitMQ ended at its start: {last_lines(child.log)}")
            await asyncio.sleep(0.1)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
