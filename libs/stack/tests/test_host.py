"""`grace up` tells people that it is up once it is."""

import asyncio
import socket

import pytest

from grace.stack import host
from grace.stack.errors import StackError
from grace.stack.ports import LOOPBACK, free_port


async def test_nobody_is_told_of_an_address_that_still_refuses() -> None:
    port = free_port()
    opening = asyncio.create_task(host.until_open(port, [asyncio.Event()]))
    done, _ = await asyncio.wait({opening}, timeout=0.1)
    assert not done
    with socket.create_server((LOOPBACK, port)):
        await asyncio.wait_for(opening, 5)


async def test_a_service_that_breaks_meanwhile_ends_the_waiting() -> None:
    port, broken = free_port(), asyncio.Event()
    opening = asyncio.create_task(host.until_open(port, [asyncio.Event(), broken]))
    broken.set()
    with pytest.raises(StackError, match=f"nobody answers on port {port}"):
        await asyncio.wait_for(opening, 5)
