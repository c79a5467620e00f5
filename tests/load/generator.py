"""The load generator, a process of its own: reads an order, keeps lines busy, writes what it saw."""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop
from load.mix import Operation, body_of
from load.wire import Line, WireError

_MOST_PROBLEMS = 5
_LONGEST_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class Order:
    """What to do: a line for each token, each doing one operation after the other."""

    host: str
    port: int
    tokens: Sequence[str]
    operations: Sequence[Operation]
    missions: Sequence[str]
    seconds: float
    pause: tuple[float, float]
    seed: int

    def write(self, file: Path) -> None:
        """Keep it for the process; it holds tokens."""
        file.touch(mode=0o600)
        file.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, file: Path) -> Order:
        """Read what `write` kept."""
        values = json.loads(file.read_text(encoding="utf-8"))
        operations = [Operation(**each) for each in values.pop("operations")]
        return cls(**values, operations=operations)


@dataclass(slots=True)
class Seen:
    """What came back. Milliseconds of everything that was answered as expected."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: dict[str, list[float]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    failures: int = 0
    problems: list[str] = field(default_factory=list)

    def count(self, what: str) -> None:
        """Count an answer by its operation and status."""
        self.statuses[what] = self.statuses.get(what, 0) + 1

    def fail(self, problem: str) -> None:
        """Count a request that went wrong, and remember the first few."""
        self.failures += 1
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(problem[:_LONGEST_PROBLEM])


async def run(order: Order) -> Seen:
    """Keep every line busy for the time that was ordered."""
    seen, begun = Seen(), time.monotonic()
    until = begun + order.seconds
    users = [User(order, number, seen, until) for number in range(len(order.tokens))]
    await asyncio.gather(*(user.run() for user in users))
    seen.seconds, seen.cpu_seconds = time.monotonic() - begun, time.process_time()
    return seen


class User:
    """One line and who holds it."""

    def __init__(self, order: Order, number: int, seen: Seen, until: float) -> None:
        self._order = order
        self._seen = seen
        self._until = until
        self._name = uuid4().hex[:12]
        self._dice = random.Random(order.seed * 10_007 + number)
        self._line = Line(order.host, order.port, order.tokens[number])
        self._turn = number
        self._weights = [each.weight for each in order.operations]

    async def run(self) -> None:
        """Ask until the time is over; nobody begins at the same moment as the others."""
        await self._rest(first=True)
        while time.monotonic() < self._until:
            operation = self._dice.choices(self._order.operations, self._weights)[0]
            await self._once(operation)
            await self._rest()
        self._line.close()

    async def _rest(self, *, first: bool = False) -> None:
        low, high = self._order.pause
        if high:
            await asyncio.sleep(self._dice.uniform(0 if first else low, high))

    async def _once(self, operation: Operation) -> None:
        self._turn += 1
        number, now = f"{self._name}-{self._turn}", datetime.now(UTC).isoformat()
        body = body_of(operation, number=number, turn=self._turn, now=now)
        path = operation.path + operation.query
        if "{mission_id}" in path:
            path = path.replace("{mission_id}", self._dice.choice(self._order.missions))
        self._seen.requests += 1
        begun = time.perf_counter()
        try:
            answer = await self._line.ask(operation.method, path, body)
        except WireError as error:
            self._seen.fail(str(error))
            return
        milliseconds = (time.perf_counter() - begun) * 1000
        self._seen.count(f"{operation.name} {answer.status}")
        if answer.status == operation.expect:
            self._seen.latencies.setdefault(operation.name, []).append(milliseconds)
        else:
            self._seen.fail(f"{operation.name}: {answer.status} {answer.body.decode()}")


def read_seen(file: Path) -> Seen:
    """What a generator wrote."""
    values: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return Seen(**values)


if __name__ == "__main__":
    ordered, written = Path(sys.argv[1]), Path(sys.argv[2])
    found = uvloop.run(run(Order.read(ordered)))
    written.write_text(json.dumps(asdict(found)), encoding="utf-8")
