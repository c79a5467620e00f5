import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from grace.kit import Conflict, Runtime, Unavailable, database, end_tasks
from grace.kit.leadership import Leadership
from grace.kit.loops import Duty, run_duty
from grace.kit.metrics import LOOP_FAILURES
from grace.testkit import House, eventually

from .conftest import Desk

SOON = timedelta(milliseconds=10)
NEVER = timedelta(hours=1)


class Tick:
    """A duty that counts its ticks and then does what the test says."""

    def __init__(self, act: Callable[[int], Any] = lambda _: None) -> None:
        self.ticks = 0
        self._act = act

    async def tick(self, _: Runtime) -> bool:
        self.ticks += 1
        return bool(self._act(self.ticks))


class Tock(Tick):
    """Another duty."""


def _failures(name: str) -> float:
    value: float = LOOP_FAILURES.labels("learning", name)._value.get()
    return value


async def test_an_error_does_not_end_a_loop(desk: Desk) -> None:
    errors: list[Exception] = [ValueError(), ConnectionResetError(), Unavailable(), TimeoutError()]

    def fail(_: int) -> None:
        if errors:
            raise errors.pop()

    loop, before = Tick(fail), _failures("tick")
    async with desk.up(desk.house.blank("learning").every(SOON, loop)) as running:
        await eventually(lambda: loop.ticks >= 6)
        assert running.problems() == []
    assert _failures("tick") == before + 4


async def test_a_duty_that_knows_when_it_is_due_is_not_kept_waiting(desk: Desk) -> None:
    class Alarm(Tick):
        async def tick(self, _: Runtime) -> timedelta:
            self.ticks += 1
            return SOON

    alarm = Alarm()
    async with desk.up(desk.house.blank("learning").every(NEVER, alarm)):
        await eventually(lambda: alarm.ticks >= 3)


async def test_an_error_that_explains_itself_is_logged_without_a_traceback(desk: Desk) -> None:
    errors: list[Exception] = [ValueError("a bug"), Conflict("the file has another text")]

    def fail(_: int) -> None:
        if errors:
            raise errors.pop()

    loop = Tick(fail)
    with capture_logs() as told:
        async with desk.up(desk.house.blank("learning").every(SOON, loop)):
            await eventually(lambda: loop.ticks >= 3)
    explained, bug = [line for line in told if line["event"] == "loop.failed"]
    assert explained["error"] == "the file has another text"
    assert "exc_info" not in explained
    assert isinstance(bug["exc_info"], ValueError)


async def test_more_to_do_is_done_at_once(desk: Desk) -> None:
    loop = Tick(lambda count: count < 50)
    async with desk.up(desk.house.blank("learning").every(NEVER, loop)):
        await eventually(lambda: loop.ticks == 50)


async def test_a_loop_that_never_has_enough_does_not_stop_the_others(desk: Desk) -> None:
    greedy, modest = Tick(lambda _: True), Tock()
    blank = desk.house.blank("learning").every(NEVER, greedy).every(SOON, modest)
    async with desk.up(blank):
        await eventually(lambda: modest.ticks > 3)


async def test_a_wake_is_never_lost(desk: Desk) -> None:
    """Not even when it comes in the middle of a tick."""
    runtime: Runtime

    def wake(count: int) -> None:
        if count == 2:
            runtime.wake(Tick)

    loop = Tick(wake)
    async with desk.up(desk.house.blank("learning").every(NEVER, loop)) as running:
        runtime = running.runtime
        await eventually(lambda: loop.ticks == 1)
        runtime.wake(Tick)
        await eventually(lambda: loop.ticks == 3)


async def test_one_of_two_replicas_does_a_leaders_duty(desk: Desk) -> None:
    first, second = Tick(), Tick()
    one = desk.house.blank("learning").every(SOON, first, leader=True)
    other = desk.house.blank("learning").every(SOON, second, leader=True)
    async with desk.up(one):
        await eventually(lambda: first.ticks > 0)
        async with desk.up(other):
            led = first.ticks
            await eventually(lambda: first.ticks > led + 20)
            assert second.ticks == 0


async def test_another_replica_takes_over_when_the_leader_stops(desk: Desk) -> None:
    first, second = Tick(), Tick()
    leader = await desk.house.blank("learning").every(SOON, first, leader=True).start()
    await eventually(lambda: first.ticks > 0)
    async with desk.up(desk.house.blank("learning").every(SOON, second, leader=True)):
        await leader.stop()
        await eventually(lambda: second.ticks > 0)


async def test_another_replica_takes_over_when_the_leader_is_cut_off(desk: Desk) -> None:
    """Its session is gone before it knows: the other one may begin at once."""
    first, second = Tick(), Tick()
    one = desk.house.blank("learning").every(SOON, first, leader=True)
    other = desk.house.blank("learning").every(SOON, second, leader=True)
    async with desk.up(one) as leader:
        await eventually(lambda: first.ticks > 0)
        leader.runtime.leadership._connect = _unreachable
        async with desk.up(other):
            await _terminate_leader(desk.house)
            await eventually(lambda: second.ticks > 0)
            ended = first.ticks
            await eventually(lambda: second.ticks > 20)
            assert first.ticks <= ended + 1


async def test_another_replica_takes_over_when_the_leader_falls_silent(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a power cut: nobody closes its connection, and Postgres keeps its locks with it."""
    monkeypatch.setattr(database, "_SILENT", "200ms")
    settings = desk.house.blank("learning").settings
    silent, other = (
        Leadership("learning", partial(database.connect, "learning", settings)) for _ in range(2)
    )
    try:
        assert await silent.holds("tick")
        await eventually(lambda: other.holds("tick"))
    finally:
        await silent.close()
        await other.close()


async def _unreachable() -> Any:
    raise ConnectionRefusedError


async def _terminate_leader(house: House) -> None:
    """End every session of the service that holds an advisory lock."""
    await house.rows(
        "public",
        """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_stat_activity USING (pid)
         WHERE locktype = 'advisory' AND datname = current_database() AND usename = 'learning'
        """,
    )


def test_a_duty_is_named_after_its_loop() -> None:
    assert Duty(SOON, Tick()).name == "tick"


async def test_a_duty_that_pauses_takes_what_comes_meanwhile_at_once(desk: Desk) -> None:
    begun: list[float] = []
    loop, pause = Tick(lambda _: begun.append(time.monotonic())), timedelta(seconds=0.2)
    async with desk.up(desk.house.blank("learning")) as running:
        task = asyncio.create_task(run_duty(running.runtime, Duty(NEVER, loop, pause=pause)))
        await eventually(lambda: loop.ticks == 1)
        running.runtime.wake(Tick)
        await asyncio.sleep(0)  # it is awake, and rests all the same
        running.runtime.wake(Tick)
        await eventually(lambda: loop.ticks == 2)
        assert begun[1] - begun[0] >= pause.total_seconds()
        await end_tasks([task])
    assert loop.ticks == 2


async def test_a_stop_ends_a_loop_that_pauses(desk: Desk) -> None:
    loop = Tick()
    async with desk.up(desk.house.blank("learning")) as running:
        task = asyncio.create_task(run_duty(running.runtime, Duty(NEVER, loop, pause=NEVER)))
        await eventually(lambda: loop.ticks == 1)
        running.runtime.wake(Tick)
        running.runtime.begin_stop()
        await asyncio.wait_for(task, 5)
    assert loop.ticks == 1


async def test_a_stop_ends_a_loop_that_rests(desk: Desk) -> None:
    loop = Tick()
    running = await desk.house.blank("learning").every(NEVER, loop).start()
    await eventually(lambda: loop.ticks == 1)
    await asyncio.wait_for(running.stop(), 5)
    assert loop.ticks == 1
