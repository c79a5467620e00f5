"""Wires between services and their servers, which a test cuts, clogs or delays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum

from grace.kit import end_tasks

_CHUNK = 64 * 1024
_DELAY_SECONDS = 5.0


class Fault(StrEnum):
    """What a wire does in the place of carrying."""

    REFUSES = "refuses"  # nobody listens there, and whoever was connected is cut off
    HANGS = "hangs"  # whoever connects is taken, and nothing passes any more
    RESETS = "resets"  # whoever connects is cut off, and whoever was connected
    DELAYS = "delays"  # everything passes after five seconds


class Wire:
    """A port of the loopback that leads to another one, for as long as nothing is wrong with it."""

    def __init__(self, upstream: int, port: int) -> None:
        self.port = port
        self._upstream = upstream
        self._fault: Fault | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Take whoever comes."""
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)

    async def close(self) -> None:
        """Let go of everybody."""
        if self._server is not None:
            self._server.close()
        self._flows.set()
        self._cut()
        await end_tasks(list(self._pumps))

    async def fail(self, fault: Fault) -> None:
        """Go wrong, from now on."""
        self._fault = fault
        if fault is Fault.HANGS:
            self._flows.clear()
        if fault is Fault.REFUSES and self._server is not None:
            self._server.close()
            self._server = None
        if fault in {Fault.REFUSES, Fault.RESETS}:
            self._cut()

    async def mend(self) -> None:
        """Carry again. What hung goes on where it stood."""
        self._fault = None
        self._flows.set()
        if self._server is None:
            await self.listen()

    def _cut(self) -> None:
        for end in list(self._ends):
            end.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            if self._fault is Fault.RESETS:
                return
            await self._flows.wait()
            await self._join(reader, writer)
        except OSError:
            pass  # one of the two has gone
        finally:
            self._ends.discard(writer)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._upstream)
        self._ends.add(back)
        pumps = [asyncio.create_task(self._pump(*way)) for way in ((reader, back), (there, writer))]
        self._pumps.update(pumps)
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end_tasks(pumps)
            self._pumps.difference_update(pumps)
            self._ends.discard(back)
            back.transport.abort()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(_CHUNK):
            if self._fault is Fault.DELAYS:
                await asyncio.sleep(_DELAY_SECONDS)
            await self._flows.wait()
            sink.write(data)
            await sink.drain()


@asynccontextmanager
async def wire(upstream: int, port: int) -> AsyncIterator[Wire]:
    """A wire that carries."""
    made = Wire(upstream, port)
    await made.listen()
    try:
        yield made
    finally:
        await made.close()
