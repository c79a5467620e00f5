"""The parts of an answer leave together, and nothing is kept from a client for long."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import cast

import uvicorn
from starlette.responses import Response
from uvicorn.server import ServerState

from grace.gateway.api.joined import JoinedWrites
from grace.gateway.api.protocol import protocol_of
from grace.gateway.settings import Settings


class Wire:
    """The other end: what came, packet by packet."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.closed = False

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.packets.append(b"".join(pieces))

    def get_extra_info(self, _: str) -> None:
        return None

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def joined() -> tuple[JoinedWrites, Wire]:
    wire = Wire()
    return JoinedWrites(cast("asyncio.Transport", wire), asyncio.get_running_loop()), wire


async def test_a_head_leaves_with_its_body() -> None:
    joins, wire = joined()
    for piece in (b"head", b"", b"body"):
        joins.write(piece)
    assert wire.packets == []
    joins.flush()
    joins.flush()
    assert wire.packets == [b"headbody"]


async def test_what_nobody_flushes_leaves_in_the_next_turn() -> None:
    joins, wire = joined()
    joins.write(b"event")
    await asyncio.sleep(0)
    joins.write(b"another")
    await asyncio.sleep(0)
    assert wire.packets == [b"event", b"another"]


async def test_a_stream_that_never_waits_does_not_pile_up() -> None:
    joins, wire = joined()
    for _ in range(5):
        joins.write(b"x" * 40_000)
    assert [len(packet) for packet in wire.packets] == [80_000, 80_000]


async def test_a_last_answer_leaves_before_the_end_and_nothing_after_it() -> None:
    joins, wire = joined()
    joins.write(b"goodbye")
    joins.close()
    joins.write(b"too late")
    joins.flush()
    assert (wire.packets, wire.closed) == ([b"goodbye"], True)


async def test_an_answer_is_one_packet_on_its_connection() -> None:
    config = uvicorn.Config(Response("said"), lifespan="off", log_config=None, server_header=False)
    settings = Settings(head_timeout=timedelta(seconds=9))
    wire, state = Wire(), ServerState()
    connection = protocol_of(settings)(config, state, {})
    connection.connection_made(cast("asyncio.Transport", wire))
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    await asyncio.gather(*state.tasks)
    assert [packet.partition(b"\r\n\r\n")[2] for packet in wire.packets] == [b"said"]
    assert wire.closed
