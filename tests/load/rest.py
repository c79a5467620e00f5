"""The REST door under load: what one gateway process accepts, and a hundred users at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from load.apart import Apart
from load.cpu import cpu_of
from load.figures import BenchError, Figure, figure
from load.generator import Order, Seen, read_seen
from load.mix import MIX, SCOPES, TASK, Operation, durable_write, there
from load.observer import Samples, report_unknown, until_quiet
from load.sizes import Sizes
from load.wire import Line, WireError

from grace.stack.ports import LOOPBACK

SEED = 20_240_229
_SEEDED_MISSIONS = 20
_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_LATE_SECONDS = 30.0
# Between two requests a user looks at the answer: a hundred users then ask about 300 times a second.
_PAUSE = (0.1, 0.5)


@dataclass(frozen=True, slots=True)
class Door:
    """A gateway that is up, and the key that may do everything there."""

    port: int
    token: str

    @property
    def line(self) -> Line:
        """A connection as the admin."""
        return Line(LOOPBACK, self.port, self.token)


# A limit would be measured instead of the gateway; the addresses' limit is for strangers.
NO_LIMITS = {"rate_limit": 0, "admin_rate_limit": 0, "address_rate_limit": 0}


def door_of(apart: Apart, port: int) -> Door:
    """The door of a gateway that was started on that port."""
    token = apart.grounds.installation.admin_key_file.read_text(encoding="ascii").strip()
    return Door(port, token)


async def accept(apart: Apart, door: Door, sizes: Sizes) -> tuple[list[Figure], dict[str, Any]]:
    """Durable writes over connections that stay open, as many as one gateway process takes."""
    openapi = await _openapi(door)
    write = durable_write(openapi)
    figures = await _accepted(apart, door, sizes, write, "accept")
    for task in there(openapi, [TASK] if "htm" in apart.names else []):
        figures += await _accepted(apart, door, sizes, task, "accept.tasks")
    return figures, {"operation": write.name, "connections": sizes.connections}


async def _accepted(
    apart: Apart, door: Door, sizes: Sizes, write: Operation, name: str
) -> list[Figure]:
    order = Order(
        LOOPBACK, door.port, [door.token] * sizes.connections, [write], [],
        sizes.accept_seconds, (0, 0), SEED,
    )  # fmt: skip
    seen = await _generate(apart, name, order)
    _refuse_failures(name, seen)
    latencies = seen.latencies[write.name]
    return [
        figure(f"{name}.throughput", "accepted/s", [len(latencies) / seen.seconds]),
        figure(f"{name}.latency", "ms", latencies),
    ]


async def users(apart: Apart, door: Door, sizes: Sizes) -> tuple[list[Figure], dict[str, Any]]:
    """Many users at once; any answer but the expected one is a failure of the whole."""
    operations = there(await _openapi(door), MIX)
    tokens = await _tokens(door, sizes.users)
    await until_quiet(apart.grounds)
    missions = await _missions(apart, door)
    await until_quiet(apart.grounds)  # what is counted comes while users work
    async with Samples(apart.grounds) as samples:
        order = Order(
            LOOPBACK, door.port, tokens, operations, missions, sizes.user_seconds, _PAUSE, SEED
        )
        before = cpu_of(apart)
        seen = await _generate(apart, "users", order)
        used = cpu_of(apart)
    _refuse_failures("users", seen)
    latencies = list(chain.from_iterable(seen.latencies.values()))
    figures = [
        figure("users.latency", "ms", latencies),
        figure("users.throughput", "requests/s", [seen.requests / seen.seconds]),
        figure("users.error_rate", "%", [100 * seen.failures / seen.requests]),
        *samples.figures(),
        *_cpu(seen, before, used),
        *(figure(f"users.latency {name}", "ms", each) for name, each in seen.latencies.items()),
    ]
    return figures, {"users": sizes.users, "statuses": dict(seen.statuses), "pause_s": _PAUSE}


def _cpu(seen: Seen, before: Mapping[str, float], used: Mapping[str, float]) -> list[Figure]:
    """Milliseconds of processor time for each request: of all that serve, of each, of who asks."""
    spent = {name: used[name] - before[name] for name in used}
    # The generator has ended, and so its time is the bench's.
    spent["bench"] -= seen.cpu_seconds
    asking = {"generator": seen.cpu_seconds, "observer": spent.pop("bench")}
    each = {name: 1000 * seconds / seen.requests for name, seconds in (spent | asking).items()}
    serving = sum(each[name] for name in spent)
    return [
        figure("users.cpu", "ms", [serving]),
        *(figure(f"users.cpu {name}", "ms", [value]) for name, value in each.items()),
    ]


def _refuse_failures(name: str, seen: Seen) -> None:
    if seen.failures or not seen.requests:
        told = "; ".join(seen.problems)
        raise BenchError(f"{name}: {seen.failures} of {seen.requests} requests failed: {told}")


async def _generate(apart: Apart, name: str, order: Order) -> Seen:
    ordered, written = (apart.grounds.folder / f"{name}.{part}.json" for part in ("order", "seen"))
    written.unlink(missing_ok=True)
    order.write(ordered)
    try:
        await apart.program(name, "load.generator", str(ordered), str(written))
        await apart.ended(name, within=order.seconds + _LATE_SECONDS)
    finally:
        ordered.unlink()
    if not written.is_file():
        raise BenchError(f"the generator of {name} failed: read {apart.grounds.folder}/{name}.log")
    return read_seen(written)


async def _openapi(door: Door) -> Any:
    return json.loads((await _asked(door, "GET", "/openapi.json")).body)


async def _asked(door: Door, method: str, path: str, body: object = None) -> Any:
    line = door.line
    try:
        data = None if body is None else json.dumps(body).encode()
        answer = await line.ask(method, path, data)
    except WireError as error:
        raise BenchError(f"the gateway does not answer: {error}") from error
    finally:
        line.close()
    if answer.status not in {200, 201, 202}:
        raise BenchError(f"{method} {path}: {answer.status} {answer.body.decode()[:300]}")
    return answer


async def _tokens(door: Door, count: int) -> list[str]:
    """A key for each user, without a limit where limits can be set."""
    keys = (await _openapi(door))["components"]["schemas"]["NewKey"]["properties"]
    limit = {"rate_limit": 0} if "rate_limit" in keys else {}
    body = {"name": "made by the bench", "scopes": SCOPES, **limit}
    made = [
        await _asked(door, "POST", "/api/keys", {**body, "principal": f"bench-user-{number}"})
        for number in range(count)
    ]
    return [answer.data["token"] for answer in made]


async def _missions(apart: Apart, door: Door) -> list[str]:
    """Missions to look at: errors that nobody can mend are taken in and end at once."""
    await report_unknown(apart.grounds, _SEEDED_MISSIONS)
    async with asyncio.timeout(_WAIT_SECONDS):
        while len(found := (await _asked(door, "GET", "/api/missions?limit=20")).data) < (
            _SEEDED_MISSIONS
        ):
            apart.check()
            await asyncio.sleep(_LOOK_SECONDS)
    return [mission["mission_id"] for mission in found]
