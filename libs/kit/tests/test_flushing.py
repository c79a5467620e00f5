"""A flush is behind everything that was sent before it, also where nats-py's own overtakes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import nats

from grace.contracts.htm import WorkHint
from grace.kit import Received, Runtime
from grace.kit.flushing import flush
from grace.testkit import House


@asynccontextmanager
async def recorded(url: str, sent: bytearray) -> AsyncIterator[str]:
    """A way to the server that keeps what a client sends."""

    async def carry(
        source: asyncio.StreamReader, sink: asyncio.StreamWriter, record: bytearray
    ) -> None:
        while data := await source.read(65536):
            record.extend(data)
            sink.write(data)
        sink.close()

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = urlsplit(url)
        back, forth = await asyncio.open_connection(place.hostname, place.port)
        await asyncio.gather(carry(reader, forth, sent), carry(back, writer, bytearray()))

    server = await asyncio.start_server(join, "127.0.0.1", 0)
    async with server:
        yield "nats://127.0.0.1:{1}".format(*server.sockets[0].getsockname())


async def test_what_was_sent_is_at_the_server_when_a_flush_returns(house: House) -> None:
    """The server answers in order, so a ping behind the subscription was answered behind it."""
    sent = bytearray()
    seed = str(house.installation.nats.seed_file("tester"))
    async with recorded(house.installation.nats.url, sent) as url:
        client = await nats.connect(url, nkeys_seed=seed, inbox_prefix=b"_INBOX_tester")
        await client.subscribe("htm.task.update")
        await flush(client)
        await client.close()
    assert -1 < sent.find(b"SUB htm.task.update") < sent.rfind(b"PING")


async def test_a_service_that_has_started_hears_signals(house: House) -> None:
    async def hear(_: Received[WorkHint], __: Runtime) -> None:
        """Whatever it is."""

    sent = bytearray()
    async with recorded(house.installation.nats.url, sent) as url:
        running = await house.blank("worker", nats_url=url).listen(WorkHint, hear).start()
        begun = bytes(sent)
        await running.stop()
    assert -1 < begun.find(b"SUB htm.work") < begun.rfind(b"PING")
