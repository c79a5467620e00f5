"""A bad network before a good gateway."""

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Behaviour = Callable[["Relay", StreamReader, StreamWriter], Coroutine[Any, Any, None]]

_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 0\r\nContent-Length: 0\r\n"
    b"Connection: close\r\n\r\n"
)
_SIGN_IN = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 16\r\n"
    b"Connection: close\r\n\r\n<html>Sign in!\r\n"
)


@dataclass
class Relay:
    """Passes connections on; the next ones behave as `plan` says, one each."""

    port_behind: int
    plan: list[Behaviour] = field(default_factory=list)
    connections: int = 0
    open: set[StreamWriter] = field(default_factory=set)
    url: str = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            await (self.plan.pop(0) if self.plan else pass_on)(self, reader, writer)
        finally:
            self.open.discard(writer)
            writer.close()

    def cut(self) -> None:
        """Break every connection that there is."""
        for writer in self.open:
            writer.transport.abort()


async def hang_up(relay: Relay, reader: StreamReader, writer: StreamWriter) -> None:
    """Take the request and go."""
    await reader.readuntil(b"\r\n\r\n")


async def be_busy(relay: Relay, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer as a proxy does that finds nobody behind it."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_BUSY)
    await writer.drain()


async def ask_to_sign_in(relay: Relay, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer everything with a page, as what guards a network does."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(_SIGN_IN)
    await writer.drain()


async def lose_answer(relay: Relay, reader: StreamReader, writer: StreamWriter) -> None:
    """Let the request through; when its answer comes, the connection breaks."""
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", relay.port_behind)
    passing = asyncio.create_task(_copy(reader, up_writer))
    try:
        await up_reader.readuntil(b"\r\n\r\n")
    finally:
        passing.cancel()
        up_writer.close()


async def pass_on(relay: Relay, reader: StreamReader, writer: StreamWriter) -> None:
    """Be a wire."""
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", relay.port_behind)
    relay.open.add(up_writer)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, up_writer))
            group.create_task(_copy(up_reader, writer))
    finally:
        relay.open.discard(up_writer)
        up_writer.close()


async def _copy(reader: StreamReader, writer: StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@asynccontextmanager
async def relay_before(port: int) -> AsyncIterator[Relay]:
    """Run a relay before the gateway on a port of this machine."""
    relay = Relay(port)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    relay.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield relay
        relay.cut()
