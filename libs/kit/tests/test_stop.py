"""How a service stops: what it finishes, what it gives up, and that nothing of it stays behind."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from grace.contracts.verification import ActionClosed
from grace.kit import Received, Runtime, SettingsError, Unit, running_all
from grace.kit.database import Pools
from grace.kit.flight import Flight
from grace.kit.watch import StreamWatch
from grace.testkit import House, eventually

from .conftest import Desk, note, publish

Messages = Sequence[Received[ActionClosed]]


async def test_when_one_service_cannot_start_the_others_are_stopped(desk: Desk) -> None:
    before = await _sessions(desk.house)
    good = desk.reader().connections(Pools())
    bad = desk.house.blank("htm", nats_seed_file=Path("/nowhere"))
    with pytest.raises(SettingsError):
        async with running_all([good, bad]):
            pass
    await eventually(lambda: _has_let_go(desk.house, before))


async def test_when_one_service_is_unfit_nothing_starts(desk: Desk) -> None:
    """What has started has to be stopped again, which takes its time before anybody is told."""
    started: list[str] = []

    def refuse() -> None:
        raise SettingsError("no key")

    async def begin(_: Runtime) -> None:
        started.append("good")

    good = desk.house.blank("learning").run(begin)
    bad = desk.house.blank("htm").check(refuse)
    with pytest.raises(SettingsError, match="no key"):
        async with running_all([desk.house.blank("identity").run(begin), good, bad]):
            pass
    with pytest.raises(SettingsError, match="no key"):
        await bad.start()
    assert started == []


async def test_a_stop_finishes_the_batch_in_hand_and_sends_what_it_published(
    desk: Desk, verification: Runtime
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        unit.refuse(messages[0], reason="told_at_the_end")
        begun.set()
        await go_on.wait()

    running = await desk.reader(slow).start()
    await publish(verification, "in-hand")
    await asyncio.wait_for(begun.wait(), 5)
    stopping = asyncio.ensure_future(running.stop())
    await eventually(lambda: "it is stopping" in running.problems())
    assert await desk.notes() == []
    go_on.set()
    await stopping
    assert await desk.notes() == ["in-hand"]
    assert len(await desk.house.messages("quarantine.learning")) == 1


async def test_a_stop_does_not_wait_for_ever(desk: Desk, verification: Runtime) -> None:
    begun = asyncio.Event()

    async def hang(messages: Messages, unit: Unit) -> None:
        await note(messages, unit)
        begun.set()
        await asyncio.Event().wait()

    running = await desk.reader(hang, stop_grace=0.3).start()
    await publish(verification, "hangs")
    await asyncio.wait_for(begun.wait(), 5)
    await asyncio.wait_for(running.stop(), 5)
    assert await desk.notes() == []


async def test_a_stop_while_nats_is_away_ends(desk: Desk, verification: Runtime) -> None:
    nats = desk.house.installation.nats
    before = await _sessions(desk.house)
    running = await desk.reader().connections(Pools()).start()
    await asyncio.to_thread(nats.kill)
    try:
        await eventually(lambda: not running.runtime.client.is_connected)
        await asyncio.wait_for(running.stop(), 10)
        assert running.runtime.client.is_closed
        await eventually(lambda: _has_let_go(desk.house, before))
    finally:
        await asyncio.to_thread(nats.start)
    await eventually(lambda: verification.client.is_connected)


async def test_a_server_that_is_away_is_not_asked_about_its_streams(desk: Desk) -> None:
    """Each question would be kept for five seconds, one after the other, and a stop would wait for all of them."""
    nats = desk.house.installation.nats
    async with desk.reading() as running:
        await asyncio.to_thread(nats.kill)
        try:
            await eventually(lambda: not running.runtime.client.is_connected)
            looking = StreamWatch().look(running.runtime, Flight())
            assert await asyncio.wait_for(looking, 3) == []
        finally:
            await asyncio.to_thread(nats.start)
        await eventually(lambda: running.runtime.client.is_connected)


async def test_a_stop_while_nats_is_away_ends_what_serves_requests(desk: Desk) -> None:
    """FastStream would start tasks of its own again, and nobody would end those."""
    nats = desk.house.installation.nats
    before = asyncio.all_tasks()
    running = await desk.house.build("learning").start()
    await asyncio.to_thread(nats.kill)
    try:
        await eventually(lambda: not running.runtime.client.is_connected)
        await asyncio.wait_for(running.stop(), 10)
        left = [repr(task) for task in asyncio.all_tasks() - before]
        assert not [task for task in left if "faststream" in task or "Server" in task]
    finally:
        await asyncio.to_thread(nats.start)


async def _has_let_go(house: House, before: set[int]) -> bool:
    """Whether the service learning has no connection to Postgres but those that the house kept."""
    return await _sessions(house) <= before


async def _sessions(house: House) -> set[int]:
    query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'grace-learning'"
    return {row["pid"] for row in await house.rows("public", query)}


async def test_a_stop_leaves_nothing_behind(desk: Desk) -> None:
    before = await _sessions(desk.house)
    async with desk.up(desk.reader().connections(Pools())) as running:
        tasks = list(running._tasks)
        assert not await _has_let_go(desk.house, before)
    assert all(task.done() for task in tasks)
    assert running.runtime.client.is_closed
    await eventually(lambda: _has_let_go(desk.house, before))
