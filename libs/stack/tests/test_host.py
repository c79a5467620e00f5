"""`grace up` tells people that it is up once it is."""

import asyncio
import json
import socket
from pathlib import Path

import pytest

from grace.kit import logs
from grace.stack import host
from grace.stack.errors import StackError
from grace.stack.installation import Installation
from grace.stack.ports import LOOPBACK, free_port
from grace.testkit import eventually


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


async def test_a_server_that_was_started_again_is_told_by_its_new_number(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    nats = installation.nats
    up = host.House(installation, [], port=1, ops_port=2, seconds=0.0)
    stopping = asyncio.Event()
    await asyncio.to_thread(installation.start_servers)
    host._write_state(up)
    keeping = asyncio.create_task(host._keep_servers(up, stopping, logs.logger("grace")))
    try:
        nats.kill()
        await eventually(lambda: nats.running and told(tmp_path) == nats.pid)
    finally:
        stopping.set()
        await keeping
        await asyncio.to_thread(installation.stop_servers)


def told(root: Path) -> int:
    return int(json.loads((root / "up.json").read_text(encoding="utf-8"))["nats_pid"])
