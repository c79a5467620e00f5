"""Each service is its own process and is killed with SIGKILL; both incidents still end right.

The short form has two incidents of files at the same time: two services together are killed at every
fifth step, each at least once, while the NATS store is lost and Postgres restarts. The long form
(`make torture`) hurts a database that is under load: the same losses, and then one service is killed
at every step of both incidents, the next one each time; over as many turns as there are services each
is killed at each step.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from faults import files
from faults.fleet import Fleet
from faults.story import Watch, approve, counts, ended, keep_approving, patiently, take_baseline

from grace.client import Grace
from grace.kit import end_tasks, logs
from grace.stack import streams
from grace.stack.demo import loads, watch
from grace.stack.demo.plots import BLOCKED_SESSIONS, RUNAWAY_QUERIES, Plot
from grace.stack.demo.target import Target
from grace.stack.installation import Installation
from grace.stack.ports import free_port
from grace.testkit import House, eventually

# Which service is the first to be killed; the long form names several.
_TURNS = [int(turn) for turn in os.environ.get("GRACE_FAULT_TURNS", "").split(",") if turn]
LONG = pytest.mark.skipif(not _TURNS, reason="the long form: make torture")
# Short enough that a killed worker's task is claimed again within the test.
_CHANGES = {
    "htm": {"LEASE": "PT8S"},
    "worker": {"LONGEST_OPERATION": "PT5S", "BEAT_INTERVAL": "PT1S"},
    "verification": {"RECALL_AFTER": "PT2S"},
}
_QUICK = {
    "htm": {"LEASE": "PT3S"},
    "worker": {"LONGEST_OPERATION": "PT2S", "BEAT_INTERVAL": "PT0.5S"},
    "verification": {"RECALL_AFTER": "PT2S", "CLAIM_FOR": "PT2S"},
}
# pgbench gives up at its first failed statement, and a service that is killed lets them wait long.
BLOCKED = replace(BLOCKED_SESSIONS, load=loads.purchases, rate=loads.PURCHASE_RATE)
_ONCE = {"missions": 1, "approvals": 1, "outcomes": 1}
_HEALED = {"receipts": {"apply": 1}, **_ONCE}
_TAKEN_BACK = {"receipts": {"apply": 1, "revert": 1}, **_ONCE}


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
    return await learned(house, mission.mission_id)


async def learned(house: House, mission_id: str) -> dict[str, object]:
    """How often what happened, once learning knows of it."""

    async def known() -> dict[str, object]:
        found = await counts(house, mission_id)
        assert found["outcomes"]
        return found

    return await eventually(known, timeout=30)


@asynccontextmanager
async def scene(
    house: House, folder: Path, changes: Mapping[str, Mapping[str, str]]
) -> AsyncIterator[tuple[Fleet, tuple[Grace, Grace]]]:
    """Every service as a process of its own, and the two people at the gateway's door."""
    port = free_port()
    changes = {**changes, "gateway": {"PORT": str(port)}}
    async with (
        kept_streams(house),
        Fleet(house.installation, house.database, folder, changes) as fleet,
        people(house, port) as doors,
    ):
        yield fleet, doors


@pytest.mark.timeout(120)
async def test_both_incidents_end_right_while_services_and_servers_are_lost(
    house: House, tmp_path: Path
) -> None:
    root, playbooks, both = tmp_path / "root", tmp_path / "books", (files.HEALED, files.TAKEN_BACK)
    files.prepare(root, playbooks, house.installation.targets_file, *both)
    changes = {**_QUICK, "intent": {"PLAYBOOK_DIR": str(playbooks)}}
    async with scene(house, tmp_path, changes) as (fleet, (admin, approver)):
        killer = Killer(fleet, every=5, together=2)
        loser = Loser(house.installation)
        watches = [Watch(house, each.kind, killer.on_step) for each in both]
        watches.append(Watch(house, files.HEALED.kind, loser.on_step))
        beside = [asyncio.create_task(each.run()) for each in watches]
        beside.append(asyncio.create_task(keep_approving(approver)))
        try:
            for each in both:
                await report(admin, each)
            missions = [await ended(admin, each.kind) for each in both]
            await loser.finished()
        finally:
            await end_tasks(beside)
        assert [each.status for each in missions] == [each.verdict for each in both]
        assert await learned(house, missions[0].mission_id) == _HEALED
        assert await learned(house, missions[1].mission_id) == _TAKEN_BACK
        assert set(killer.killed) == set(fleet.names)
    assert all(each.is_over(root) for each in both)


async def report(admin: Grace, incident: files.Incident) -> None:
    """As anybody reports an error: again, where it is not known whether it arrived."""
    await patiently(
        lambda: admin.report_error(
            kind=incident.kind, target=files.TARGET, message="it is too large"
        )
    )


@LONG
@pytest.mark.timeout(300)
async def test_a_database_is_healed_while_services_and_servers_are_lost(
    house: House, target: Target, tmp_path: Path
) -> None:
    target.register(house.installation.targets_file)
    async with scene(house, tmp_path, _CHANGES) as (fleet, doors):
        killer = Killer(fleet, every=2, together=2)
        loser = Loser(house.installation)
        setting = await target.read_setting("statement_timeout")
        assert await heal(house, target, BLOCKED, doors, killer.on_step) == _HEALED
        assert set(killer.killed) == set(fleet.names)
        assert await heal(house, target, RUNAWAY_QUERIES, doors, loser.on_step) == _TAKEN_BACK
        await loser.finished()
        assert await target.read_setting("statement_timeout") == setting


@LONG
@pytest.mark.timeout(300)
@pytest.mark.parametrize("turn", _TURNS or [0])
async def test_both_incidents_end_right_while_a_service_is_killed_at_every_step(
    house: House, target: Target, tmp_path: Path, turn: int
) -> None:
    target.register(house.installation.targets_file)
    async with scene(house, tmp_path, _CHANGES) as (fleet, doors):
        killer = Killer(fleet, first=turn)
        setting = await target.read_setting("statement_timeout")
        assert await heal(house, target, BLOCKED, doors, killer.on_step) == _HEALED
        assert await heal(house, target, RUNAWAY_QUERIES, doors, killer.on_step) == _TAKEN_BACK
        assert await target.read_setting("statement_timeout") == setting
        assert set(killer.killed) == set(fleet.names)


class Killer:
    """Kills at every n-th step, the next service each time."""

    def __init__(self, fleet: Fleet, *, first: int = 0, every: int = 1, together: int = 1) -> None:
        self._fleet = fleet
        self._every, self._together = every, together
        self._steps, self._next = 0, first
        self.killed: list[str] = []

    def on_step(self, _: str) -> None:
        self._steps += 1
        if self._steps % self._every:
            return
        for _ in range(self._together):
            name = self._fleet.names[self._next % len(self._fleet.names)]
            self._next += 1
            self.killed.append(name)
            self._fleet.kill(name)


class Loser:
    """Loses the whole NATS store at one step and restarts Postgres at another."""

    def __init__(self, servers: Installation) -> None:
        self._acts = {
            "agentic.action_planned": servers.nats.wipe,
            "agentic.action_executing": servers.postgres.restart,
        }
        self._begun: list[asyncio.Task[None]] = []

    def on_step(self, subject: str) -> None:
        if act := self._acts.pop(subject, None):
            self._begun.append(asyncio.create_task(asyncio.to_thread(act)))

    async def finished(self) -> None:
        """Both were lost and are back."""
        await asyncio.gather(*self._begun)
        assert self._acts == {}


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
