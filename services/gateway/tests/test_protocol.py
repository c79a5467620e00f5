"""What a connection carries: requests in a row, flaws behind what is in order, and no end of bytes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from grace.gateway.api.protocol import protocol_of
from grace.gateway.settings import Settings

BOUNDS: dict[str, Any] = {
    "head_limit": 2048,
    "body_limit": 4096,
    "head_timeout": timedelta(seconds=0.3),
    "body_timeout": timedelta(seconds=0.3),
}
GET = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class App:
    """Says what it was asked for; /held waits until it is let go."""

    def __init__(self) -> None:
        self._held, self._go = asyncio.Event(), asyncio.Event()
        self.left = asyncio.Event()
        self.asked: list[str] = []

    async def let_go(self) -> None:
        """Wait until it holds a request, and let it answer."""
        async with asyncio.timeout(10):
            await self._held.wait()
        self._go.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        self.asked.append(scope["path"])
        if scope["path"] == "/stream":
            assert (await receive())["type"] == "http.disconnect"
            self.left.set()
            return
        if scope["path"] == "/held":
            self._held.set()
            await self._go.wait()
        names = b",".join(name for name, _ in scope["headers"])
        said = b"%s %s [%s] %s;" % (scope["method"].encode(), scope["raw_path"], names, body)
        length = (b"content-length", b"%d" % len(said))
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        await send({"type": "http.response.body", "body": said})


class Line:
    """A client's end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def send(self, data: bytes) -> None:
        self._writer.write(data)

    async def rest(self) -> bytes:
        """Everything until the server hangs up."""
        async with asyncio.timeout(10):
            return await self._reader.read()

    async def until(self, mark: bytes) -> bytes:
        async with asyncio.timeout(10):
            return await self._reader.readuntil(mark)

    async def exactly(self, count: int) -> bytes:
        async with asyncio.timeout(10):
            return await self._reader.readexactly(count)

    def finish(self) -> None:
        """Say nothing more, and listen on."""
        self._writer.write_eof()

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(app: ASGIApp, **bounds: object) -> AsyncIterator[Line]:
    """A connection to the app by the gateway's protocol, with bounds that a test need not wait for."""
    config = uvicorn.Config(app, lifespan="off", log_config=None, server_header=False, ws="none")
    protocol, state = protocol_of(Settings(**BOUNDS | bounds)), ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(config, state, {}), "127.0.0.1", 0)
    line = Line(*await asyncio.open_connection(*server.sockets[0].getsockname()))
    try:
        yield line
    finally:
        line.close()
        server.close()


async def answer_to(data: bytes) -> bytes:
    async with connected(App()) as line:
        line.send(data)
        return await line.rest()


def said(answer: bytes) -> list[bytes]:
    """The statuses and the app's words, in their order."""
    found = []
    for part in answer.split(b"HTTP/1.1 ")[1:]:
        head, _, body = part.partition(b"\r\n\r\n")
        found.append(body if head.startswith(b"200 ") else head[:3])
    return found


async def test_requests_in_a_row_are_answered_in_their_order() -> None:
    answer = await answer_to(GET % b"a" + GET % b"b" + LAST)
    assert [each.split(b" ")[1] for each in said(answer)] == [b"/a", b"/b", b"/last"]


@pytest.mark.parametrize(
    ("flawed", "status"),
    [
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"GET /b HTTP/1.1\r\n\r\n", b"400"),
        (b"BREW /b HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (CHUNKED % b"b" + b"xyz\r\n", b"400"),
        (b"POST /b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", b"501"),
        (b"CONNECT b:1 HTTP/1.1\r\nHost: x\r\n\r\n", b"405"),
        (b"GET /b HTTP/1.1\r\nHost: x\r\nOdd", b"408"),
    ],
)
async def test_a_flaw_is_told_of_behind_the_answers_that_are_due(
    flawed: bytes, status: bytes
) -> None:
    app = App()
    async with connected(app) as line:
        line.send(GET % b"held")
        line.send(GET % b"next" + flawed)
        await app.let_go()
        answers = said(await line.rest())
    assert answers == [b"GET /held [host] ;", b"GET /next [host] ;", status]
    assert app.asked == ["/held", "/next"]


async def test_what_comes_behind_a_flaw_is_not_answered() -> None:
    app = App()
    async with connected(app) as line:
        line.send(CHUNKED % b"a" + b"xyz\r\n" + GET % b"b")
        assert said(await line.rest()) == [b"400"]
        assert app.asked == []


async def test_more_requests_than_may_wait_are_refused() -> None:
    app = App()
    async with connected(app) as line:
        line.send(GET % b"held" + GET % b"a" * 1000)
        await app.let_go()
        answers = said(await line.rest())
    assert answers[-1] == b"429"
    assert len(app.asked) == len(answers) - 1 == 65


async def test_trailers_are_no_headers() -> None:
    trailers = b"2\r\nab\r\n0\r\nX-API-Key: stolen\r\nIf-Match: 9\r\n\r\n"
    answer = await answer_to(CHUNKED % b"a" + trailers + LAST)
    first, last = said(answer)
    assert first == b"POST /a [host,transfer-encoding] ab;"
    assert last == b"GET /last [host,connection] ;"


@pytest.mark.parametrize(
    "endless", [b"0\r\nOdd: " + b"x" * 99_999, b"1;" + b"x" * 99_999, b"1\r\na\r\n" * 20_000]
)
async def test_nobody_sends_without_an_end(endless: bytes) -> None:
    assert said(await answer_to(CHUNKED % b"a" + endless)) == [b"413"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nOdd: a\r\n b\r\n\r\n",
        b"GET /a HTTP/1.1\nHost: x\n\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nOdd: a\x00b\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: x\r\nOdd: a\rb\r\n\r\n",
        b"GET /a HTTP/3.0\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2, 2\r\n\r\nab",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +2\r\n\r\nab",
        b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_two_readers_could_read_in_two_ways_is_refused(head: bytes) -> None:
    assert said(await answer_to(head)) == [b"400"]


async def test_an_old_client_is_answered_once() -> None:
    assert said(await answer_to(b"GET /a HTTP/1.0\r\n\r\n")) == [b"GET /a [] ;"]


async def test_a_body_that_comes_with_an_upgrade_is_read() -> None:
    upgrade = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAA\r\n"
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n" + upgrade + b"\r\n"
    first, last = said(await answer_to(head + b"ab" + LAST))
    assert first == b"POST /a [host,content-length,connection,http2-settings] ab;"
    assert last == b"GET /last [host,connection] ;"


async def test_an_upgrade_that_arrives_in_pieces_is_read_as_well() -> None:
    async with connected(App()) as line:
        for piece in (
            b"GET /a HTTP/1.1\r\nHost: x\r\nConn",
            b"ection: Upgrade\r\nUpg",
            b"rade: h2c\r\n",
            b"\r\n",
        ):
            line.send(piece)
            await asyncio.sleep(0)
        assert (await line.until(b";")).endswith(b"GET /a [host,connection] ;")
        line.send(LAST)
        assert said(await line.rest()) == [b"GET /last [host,connection] ;"]


async def test_half_a_head_waits_for_the_answer_in_front_and_then_for_its_own_time() -> None:
    app = App()
    async with connected(app) as line:
        line.send(GET % b"held" + b"GET /late HTTP/1.1\r\n")
        line.send(b"Host: x\r\n")
        await app.let_go()
        assert (await line.until(b";")).endswith(b"GET /held [host] ;")
        line.send(b"\r\n")
        assert (await line.until(b";")).endswith(b"GET /late [host] ;")


async def test_who_streams_hears_that_its_client_has_gone_whatever_waits_behind_it() -> None:
    app = App()
    async with connected(app) as line:
        line.send(GET % b"stream" + GET % b"a")
        async with asyncio.timeout(10):
            while not app.asked:  # noqa: ASYNC110 - the app is no part of this
                await asyncio.sleep(0)
            line.close()
            await app.left.wait()
    assert app.asked == ["/stream"]


async def test_a_client_that_continues_only_when_told_is_told() -> None:
    app = App()
    async with connected(app) as line:
        line.send(
            b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
        )
        assert await line.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        line.send(b"ab")
        assert (await line.until(b";")).endswith(b"] ab;")
