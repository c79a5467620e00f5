"""What all peers share: the work, how it is submitted and awaited, and who counts what was executed.

This folder runs in the peers' own environment (requirements/peers.lock) and imports nothing of Grace.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

IN_FLIGHT = 16
BATCH = 100
RATE = 50  # tasks a second, where one task's time is measured
_POLL_SECONDS = 0.02
_FINE_POLL_SECONDS = 0.002  # where one task's time is measured; on the average half of it is added


class Peer(Protocol):
    """A task queue with its own words for the same things."""

    async def open(self) -> None:
        """Connect, and make what it stores things in."""

    async def submit(self, numbers: Sequence[int]) -> list[str]:
        """Take in tasks, all in one request where it has one; their ids once that is durable."""

    async def left(self, wanted: int) -> int:
        """How many of all tasks that were ever submitted have not ended."""

    async def ended(self, ids: Collection[str]) -> Iterable[str]:
        """Which of these have ended, so that anybody can see it."""

    async def recorded(self) -> tuple[int, int]:
        """How many tasks are recorded, and how many as ended well."""

    async def work(self) -> None:
        """Execute tasks until the process is ended."""


def payload(number: int) -> dict[str, Any]:
    """Parameters as Grace's tasks have them; with its name a task is of about 300 bytes."""
    return {
        "service": "checkout", "number": number, "dry_run": True, "note": "x" * 150,
        "target": "nowhere", "operation": "bench.nothing", "origin": "verification",
    }  # fmt: skip


class Executions:
    """Counts in a mapped file, so that what a killed process did is counted, too."""

    def __init__(self) -> None:
        self._map: mmap.mmap | None = None
        self._count = 0

    def add(self) -> None:
        """One more; the file is made by the process that executes, which may be a fork."""
        if self._map is None:
            file = Path(os.environ["BENCH_COUNTS"]) / str(os.getpid())
            file.write_bytes(bytes(8))
            with file.open("r+b") as opened:
                self._map = mmap.mmap(opened.fileno(), 8)
        self._count += 1
        self._map[:] = self._count.to_bytes(8, "little")


def executed() -> int:
    """What all processes have executed."""
    return sum(
        int.from_bytes(f.read_bytes(), "little") for f in Path(os.environ["BENCH_COUNTS"]).iterdir()
    )


async def in_flight(starts: Iterable[int], submit: Callable[[int], Awaitable[object]]) -> None:
    """Sixteen submissions at a time."""
    waiting = iter(starts)

    async def lane() -> None:
        for start in waiting:
            await submit(start)

    await asyncio.gather(*(lane() for _ in range(IN_FLIGHT)))


class Client:
    """Runs the phases that it is asked for and tells what it measured."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._made = 0

    async def throughput(self, tasks: int, batch: int) -> dict[str, float]:
        """Tasks a second: until all submissions are answered, and until all tasks have ended."""
        first, self._made = self._made, self._made + tasks
        begun = time.monotonic()
        await in_flight(
            range(first, first + tasks, batch),
            lambda start: self._peer.submit(range(start, min(start + batch, first + tasks))),
        )
        submitted = time.monotonic()
        while await self._peer.left(self._made):  # noqa: ASYNC110 - it happens elsewhere
            await asyncio.sleep(_POLL_SECONDS)
        ended = time.monotonic()
        return {
            "tasks_per_s": tasks / (ended - begun),
            "enqueue_per_s": tasks / (submitted - begun),
            **await self._checked(),
        }

    async def latency(self, tasks: int) -> list[float]:
        """Milliseconds from the submission until its end can be seen, fifty tasks a second."""
        first, self._made = self._made, self._made + tasks
        seen: dict[str, asyncio.Future[float]] = {}
        watching = asyncio.ensure_future(self._watch(seen))
        began = time.monotonic()

        async def one(number: int) -> float:
            await asyncio.sleep(began + number / RATE - time.monotonic())
            begun = time.monotonic()
            (task_id,) = await self._peer.submit([first + number])
            seen[task_id] = asyncio.get_running_loop().create_future()
            return (await seen[task_id] - begun) * 1000

        found = await asyncio.gather(*(one(number) for number in range(tasks)))
        watching.cancel()
        return found

    async def _watch(self, seen: dict[str, asyncio.Future[float]]) -> None:
        while True:
            waiting = [task_id for task_id, future in seen.items() if not future.done()]
            for task_id in await self._peer.ended(waiting) if waiting else ():
                seen[task_id].set_result(time.monotonic())
            await asyncio.sleep(_FINE_POLL_SECONDS)

    async def _checked(self) -> dict[str, float]:
        stored, succeeded = await self._peer.recorded()
        return {
            "made": self._made, "stored": stored, "succeeded": succeeded, "executed": executed(),
        }  # fmt: skip


async def answer(peer: Peer) -> None:
    """Read one request a line and write one answer a line."""
    await peer.open()
    client = Client(peer)
    print(json.dumps("ready"), flush=True)  # noqa: T201 - this is how it answers
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        name, *values = json.loads(line)
        found = await getattr(client, name)(*values)
        print(json.dumps(found), flush=True)  # noqa: T201


def main(peer: Peer, prepare: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """`prepare`, `client` or `worker`, as the first argument says."""
    match sys.argv[1]:
        case "prepare":
            asyncio.run(prepare())
        case "client":
            asyncio.run(answer(peer))
        case "worker":
            asyncio.run(peer.work())
