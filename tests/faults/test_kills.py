"""Each service is its own process and is killed with SIGKILL; both incidents still end right.

In the long form (`make torture`) one service is killed at every step of the loop, the next one each
time; over its eight turns each service is killed at each step. The short form kills at every third
step of one turn, which is each service at least once. A second test loses the NATS store and
restarts Postgres in the middle of an incident.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from faults.fleet import Fleet
from faults.story import Watch, approve, counts, ended, patiently, take_baseline

from grace.client import Grace
from grace.kit import end_tasks, logs
from grace.stack import streams
from grace.stack.demo import loads, watch
from grace.stack.demo.plots import BLOCKED_SESSIONS, RUNAWAY_QUERIES, Plot
from grace.stack.demo.target import Target
from grace.stack.ports import free_port
from grace.testkit import House, eventually

_TURNS = [int(turn) for turn in os.environ.get("GRACE_FAULT_TURNS", "0").split(",")]
_EVERY = int(os.environ.get("GRACE_FAULT_EVERY", "3"))
# Short enough that a killed worker's task is claimed again within the test.
_CHANGES = {
    "htm": {"LEASE": "PT8S"},
    "worker": {"LONGEST_OPERATION": "PT5S", "BEAT_INTERVAL": "PT1S"},
    "verification": {"RECALL_AFTER": "PT2S"},
}
# pgbench gives up at its first failed statement, and a service that is killed lets them wait long.
BLOCKED = replace(BLOCKED_SESSIONS, load=loads.purchases, rate=loads.PURCHASE_RATE)
_ONCE = {"missions": 1, "approvals": 1, "outcomes": 1}


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[Target]:
    made = Target(tmp_path)
    await asyncio.to_thread(made.start)
    try:
        await made.prepare()
        yield made
    finally:
        await asyncio.to_thread(made.stop)
        made.remove()


@asynccontextmanager
async def people(house: House, port: int) -> AsyncIterator[tuple[Grace, Grace]]:
    """The requester, and a second person who may approve."""
    url = f"http://127.0.0.1:{port}"
    token = house.installation.admin_key_file.read_text(encoding="utf-8").strip()
    async with Grace(url, token) as admin:
        scopes = ["approvals:read", "approvals:decide"]
        key = await patiently(lambda: admin.make_key("bob", scopes))
        async with Grace(url, key.token) as bob:
            yield admin, bob


async def heal(
    house: House, target: Target, plot: Plot, doors: tuple[Grace, Grace],
    on_step: Callable[[str], None],
) -> dict[str, object]:  # fmt: skip
    """Hurt the target and let Grace work; it must end as the plot says; returns how often what happened."""
    admin, approver = doors
    nats = house.installation.nats
    looking = Watch(house, plot.kind, on_step)
    async with plot.load(target):
        assert (await take_baseline(admin)).status == "stored"
        async with (
            watch.watching(target, nats.url, nats.seed_file("outside")) as watcher,
            plot.fault(target),
        ):
            beside = [asyncio.create_task(work.run()) for work in (watcher, looking)]
            try:
                await approve(approver)
                mission = await ended(admin, plot.kind)
            finally:
                await end_tasks(beside)
    assert mission.status == plot.verdict, mission.reason

    async def learned() -> dict[str, object]:
        found = await counts(house, mission.mission_id)
        assert found["outcomes"]
        return found

    return await eventually(learned, timeout=30)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", _TURNS)
async def test_both_incidents_end_right_while_every_service_is_killed(
    house: House, target: Target, tmp_path: Path, turn: int
) -> None:
    port = free_port()
    target.register(house.installation.targets_file)
    changes = _CHANGES | {"gateway": {"PORT": str(port)}}
    async with (
        kept_streams(house),
        Fleet(house.installation, house.database, tmp_path, changes) as fleet,
        people(house, port) as doors,
    ):
        killer = Killer(fleet, turn)
        setting = await target.read_setting("statement_timeout")
        first = await heal(house, target, BLOCKED, doors, killer.on_step)
        second = await heal(house, target, RUNAWAY_QUERIES, doors, killer.on_step)
        assert first == {"receipts": {"apply": 1}, **_ONCE}
        assert second == {"receipts": {"apply": 1, "revert": 1}, **_ONCE}
        assert await target.read_setting("statement_timeout") == setting
        assert set(killer.killed) == set(fleet.names)


class Killer:
    """Kills a service at every n-th step, the next one each time."""

    def __init__(self, fleet: Fleet, turn: int) -> None:
        self._fleet = fleet
        self._steps = 0
        self._next = turn
        self.killed: list[str] = []

    def on_step(self, _: str) -> None:
        self._steps += 1
        if self._steps % _EVERY:
            return
        name = self._fleet.names[self._next % len(self._fleet.names)]
        self._next += 1
        self.killed.append(name)
        self._fleet.kill(name)


@pytest.mark.timeout(200)
async def test_a_lost_nats_store_and_a_restarted_postgres_lose_nothing(
    house: House, target: Target, tmp_path: Path
) -> None:
    port = free_port()
    target.register(house.installation.targets_file)
    changes = _CHANGES | {"gateway": {"PORT": str(port)}}
    servers = house.installation
    acts = {
        "agentic.action_planned": servers.nats.wipe,
        "agentic.action_executing": servers.postgres.restart,
    }
    done: list[asyncio.Task[None]] = []

    def on_step(subject: str) -> None:
        if act := acts.pop(subject, None):
            done.append(asyncio.create_task(asyncio.to_thread(act)))

    async with (
        kept_streams(house),
        Fleet(house.installation, house.database, tmp_path, changes),
        people(house, port) as doors,
    ):
        first = await heal(house, target, BLOCKED, doors, on_step)
        await asyncio.gather(*done)
        assert acts == {}
        assert first == {"receipts": {"apply": 1}, **_ONCE}


@asynccontextmanager
async def kept_streams(house: House) -> AsyncIterator[None]:
    """What `grace nats apply --watch` does in a cluster: put lost streams back."""
    nats = house.installation.nats
    client = await streams.connect(nats.url, str(nats.seed_file("installer")))
    stopping = asyncio.Event()
    keeping = asyncio.create_task(streams.keep(client, stopping, logs.logger("installer")))
    try:
        yield
    finally:
        stopping.set()
        await keeping
        await client.close()
