"""What a WebSocket carries, byte for byte: whole texts, a goodbye with its reason, and no end of nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from starlette.types import Receive, Scope, Send
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from grace.gateway.api import conversation, sockets
from grace.gateway.api.handshake import EXTENSION, Offer
from grace.gateway.api.sockets import Socket, SocketEnded, bounds_of
from grace.gateway.settings import Settings
from grace.testkit import eventually

from .test_protocol import GET, LAST, App, Line, connected, said

HANDSHAKE = (
    b"GET /api/ws HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
OFFERED = b"Sec-WebSocket-Protocol: grace.v1, bearer.key"
# The answer to that key, by RFC 6455.
ACCEPTED = b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


class Echo:
    """Says what it hears; `flood` has it talk until nobody takes it."""

    def __init__(self) -> None:
        self.http = App()
        self.sent = 0
        self.stalled = asyncio.Event()
        self.ended = asyncio.Event()
        self.socket: Socket | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offer = scope.get("extensions", {}).get(EXTENSION)
        if offer is None:
            await self.http(scope, receive, send)
        else:
            await self.talk(offer, send)

    async def talk(self, offer: Offer, send: Send) -> None:
        self.socket = offer.socket
        await send({"type": "http.response.start", "status": 101, "headers": offer.head})
        try:
            while True:
                await self.answer(offer.socket, await offer.socket.receive())
        except SocketEnded:
            self.ended.set()

    async def answer(self, client: Socket, said: str) -> None:
        if said == "flood":
            await self.flood(client)
        await client.send(said.encode())

    async def flood(self, client: Socket) -> None:
        to_client = conversation.Line(client, stall_seconds=0.1)
        try:
            while True:
                await to_client.say(b"x" * 4096)
                self.sent += 4096
        except conversation.Stalled:
            client.close(1013, "ü" * 200)
            self.stalled.set()


def frame(opcode: Opcode, data: bytes = b"", *, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=True)


def text(data: bytes, *, fin: bool = True) -> bytes:
    return frame(Opcode.TEXT, data, fin=fin)


def open_sockets() -> float | None:
    return REGISTRY.get_sample_value("grace_gateway_websockets")


def others() -> float:
    name = "grace_gateway_websocket_closes_total"
    return REGISTRY.get_sample_value(name, {"code": "other"}) or 0


class Wire:
    """A client's end, frame by frame."""

    def __init__(self, line: Line) -> None:
        self.line = line

    async def next(self) -> tuple[Opcode, bytes]:
        head = await self.line.exactly(2)
        length = head[1]
        if length == 126:
            length = int.from_bytes(await self.line.exactly(2))
        return Opcode(head[0] & 15), await self.line.exactly(length)

    async def end(self) -> Close:
        """How it ends: what is said before it is skipped."""
        while True:
            opcode, data = await self.next()
            if opcode is Opcode.CLOSE:
                return Close.parse(data)


@asynccontextmanager
async def open_wire(echo: Echo, **bounds: object) -> AsyncIterator[Wire]:
    async with connected(echo, **bounds) as line:
        line.send(HANDSHAKE)
        answer = await line.until(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
        assert ACCEPTED in answer
        yield Wire(line)


async def test_texts_arrive_whole_and_pings_are_answered() -> None:
    echo = Echo()
    async with open_wire(echo) as wire:
        wire.line.send(text(b"one") + frame(Opcode.PING, b"two") + text(b"drei ", fin=False))
        wire.line.send(frame(Opcode.PING) + frame(Opcode.CONT, "grün".encode()))
        told = [await wire.next() for _ in range(4)]
        assert sorted(told, key=lambda each: each[0]) == [
            (Opcode.TEXT, b"one"),
            (Opcode.TEXT, "drei grün".encode()),
            (Opcode.PONG, b"two"),
            (Opcode.PONG, b""),
        ]
        before = others()
        wire.line.send(frame(Opcode.CLOSE, Close(4000, "bye").serialize()))
        assert (await wire.end()).code == 4000
        assert await wire.line.rest() == b""
        await echo.ended.wait()
        assert others() - before == 1  # a client's invention makes no series of its own


# By name: masks are random, and those who share the work have to collect the same.
NONSENSE = {
    "binary": (frame(Opcode.BINARY, b"{}"), 1003),
    "no UTF-8": (text(b"\xff"), 1007),
    "no UTF-8, in parts": (text(b"\xc3", fin=False) + frame(Opcode.CONT, b"("), 1007),
    "too long": (text(b"x" * 4097), 1009),
    "too long, in parts": (text(b"x" * 4000, fin=False) + frame(Opcode.CONT, b"x" * 97), 1009),
    "64 KiB announced": (b"\x81\xfe" + b"\xff" * 2, 1009),
    "2^63 announced": (b"\x81\xff" + b"\x7f" + b"\xff" * 7, 1009),
    "too many texts": (text(b"x") * 41, 1008),
    "too many pings": (frame(Opcode.PING) * 41, 1008),
    "too many pongs": (frame(Opcode.PONG) * 41, 1008),
    "no end of parts": (text(b"", fin=False) + frame(Opcode.CONT, fin=False) * 40, 1008),
    "not masked": (Frame(Opcode.TEXT, b"x").serialize(mask=False), 1002),
    "a part of nothing": (frame(Opcode.CONT, b"x"), 1002),
    "one within another": (text(b"a", fin=False) + text(b"b"), 1002),
    "reserved bits": (b"\xf1" + text(b"x")[1:], 1002),
    "no such opcode": (b"\x83" + text(b"x")[1:], 1002),
    "half a code": (frame(Opcode.CLOSE, b"\x00"), 1002),
}


@pytest.mark.parametrize("wrong", sorted(NONSENSE))
async def test_nonsense_ends_it_with_a_code(wrong: str) -> None:
    echo, (sent, code) = Echo(), NONSENSE[wrong]
    async with open_wire(echo) as wire:
        wire.line.send(sent)
        assert (await wire.end()).code == code
        await echo.ended.wait()
        assert echo.socket is not None
        assert echo.socket.code == code


async def test_nonsense_and_a_goodbye_at_once_are_no_trouble() -> None:
    echo = Echo()
    async with open_wire(echo) as wire:
        wire.line.send(text(b"\xff") + frame(Opcode.CLOSE, Close(1000, "").serialize()))
        assert (await wire.end()).code == 1000
        assert await wire.line.rest() == b""


FRAMES = st.builds(frame, st.sampled_from(sorted(Opcode)), st.binary(max_size=120))
FLIPPED = st.builds(
    lambda whole, bits: bytes([whole[0] ^ bits]) + whole[1:], FRAMES, st.integers(1, 255)
)


@settings(max_examples=60)
@given(st.lists(FRAMES | FLIPPED | st.binary(max_size=40), max_size=8))
def test_whatever_comes_is_answered_or_ends_it(pieces: list[bytes]) -> None:
    asyncio.run(_ends_whatever_comes(b"".join(pieces)))


async def _ends_whatever_comes(data: bytes) -> None:
    failed: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(context))
    echo = Echo()
    async with open_wire(echo) as wire:
        wire.line.send(data)
        wire.line.finish()
        await wire.line.rest()
        async with asyncio.timeout(10):
            await echo.ended.wait()
    assert failed == []


async def test_who_takes_nothing_is_not_written_to_without_an_end() -> None:
    echo = Echo()
    async with open_wire(echo) as wire:
        wire.line.send(text(b"flood"))
        async with asyncio.timeout(10):
            await echo.stalled.wait()
        assert echo.sent < 64 * 1024 * 1024
        assert await wire.end() == Close(1013, "ü" * 61)  # a control frame has no room for more
        await echo.ended.wait()


async def test_when_the_server_stops_the_last_word_goes_before_the_goodbye(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "_FAREWELL_SECONDS", 0.2)
    echo = Echo()
    async with open_wire(echo) as wire:
        assert echo.socket is not None
        echo.socket.shutdown()
        echo.socket.shutdown()
        wire.line.send(text(b"why?"))
        assert await wire.next() == (Opcode.TEXT, b"why?")
        assert await wire.end() == Close(1001, "This gateway stops.")


async def test_a_goodbye_that_nobody_answers_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sockets, "_GOODBYE_SECONDS", 0.1)
    monkeypatch.setattr(sockets, "_FAREWELL_SECONDS", 0.01)
    echo = Echo()
    async with open_wire(echo) as wire:
        assert echo.socket is not None
        echo.socket.shutdown()
        assert (await wire.end()).code == 1001
        with suppress(ConnectionResetError):
            assert await wire.line.rest() == b""
    deaf = Echo()
    async with open_wire(deaf) as wire:
        wire.line.send(text(b"flood"))
        await deaf.ended.wait()
        await eventually(lambda: open_sockets() == 0)


async def test_who_answers_no_ping_is_gone() -> None:
    soon = {"event_heartbeat": timedelta(seconds=0.02), "event_stall": timedelta(seconds=0.1)}
    async with open_wire(Echo(), **soon) as wire:
        opcode, ping = await wire.next()
        wire.line.send(frame(Opcode.PONG, ping))
        assert (opcode, (await wire.next())[0]) == (Opcode.PING, Opcode.PING)
        assert (await wire.end()).code == 1011


async def test_a_client_that_is_gone_is_not_waited_for() -> None:
    echo = Echo()
    async with open_wire(echo) as wire:
        wire.line.close()
        async with asyncio.timeout(10):
            await echo.ended.wait()
        assert echo.socket is not None
        assert echo.socket.code == 1006


async def test_only_a_handshake_by_itself_is_offered_a_connection() -> None:
    """Behind an answer that is due, or with bytes behind it, it is a request like any other."""
    echo = Echo()
    async with connected(echo) as line:
        line.send(GET % b"held")
        line.send(HANDSHAKE)
        await echo.http.let_go()
        told = said(await line.until(b";") + await line.until(b";"))
        line.send(HANDSHAKE + frame(Opcode.TEXT, b"early"))
        told += said(await line.rest())
    names = b"[host,connection,sec-websocket-version,sec-websocket-key]"
    assert told == [b"GET /held [host] ;", *[b"GET /api/ws %s ;" % names] * 2, b"400"]


class Slow(Echo):
    """Thinks before it answers a handshake."""

    def __init__(self, *, refuses: bool) -> None:
        super().__init__()
        self.asked, self.go = asyncio.Event(), asyncio.Event()
        self._refuses = refuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.go.wait()
        refuses, self._refuses = self._refuses, False
        await (self.http if refuses else super().__call__)(scope, receive, send)


async def test_who_is_refused_goes_on_with_http() -> None:
    slow = Slow(refuses=True)
    slow.go.set()
    async with connected(slow) as line:
        line.send(HANDSHAKE.replace(b"\r\n\r\n", b"\r\n" + OFFERED + b"\r\n\r\n"))
        answer = await line.until(b";")
        assert answer.endswith(b"sec-websocket-protocol,authorization] ;")
        line.send(LAST)
        assert said(await line.rest()) == [b"GET /last [host,connection] ;"]


async def test_what_comes_before_the_answer_is_kept_for_the_connection() -> None:
    slow = Slow(refuses=False)
    async with connected(slow) as line:
        line.send(HANDSHAKE)
        await slow.asked.wait()
        line.send(text(b"early"))
        for _ in range(20):  # turns in which it could be read
            await asyncio.sleep(0)
        slow.go.set()
        await line.until(b"\r\n\r\n")
        assert await Wire(line).next() == (Opcode.TEXT, b"early")


async def test_who_goes_before_the_answer_leaves_nobody_waiting() -> None:
    slow = Slow(refuses=False)
    async with connected(slow) as line:
        line.send(HANDSHAKE)
        await slow.asked.wait()
        line.close()
        slow.go.set()
        async with asyncio.timeout(10):
            await slow.ended.wait()
    never = Socket(ServerProtocol(state=State.OPEN), bounds_of(Settings()), set())
    with pytest.raises(SocketEnded):
        await never.receive()
    with pytest.raises(SocketEnded):
        await never.send(b"x")
