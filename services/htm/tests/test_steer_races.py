"""Two connections at once: whoever commits first is obeyed, and the other sees what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from grace.contracts.htm import ClaimedTask, Queue, SteerQueue, SteerTask, Task, TaskSteered
from grace.htm.domain.lifecycle import State
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.reports import Closing, Ending
from grace.htm.domain.schedule import Request
from grace.htm.store import Attempts, Claims, Line, Queues, Steering
from grace.kit import GraceError, Runtime
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

LEASE = timedelta(seconds=45)
WORKER = Request(Owner("worker", "w1"), "key", frozenset({"noop"}), 1, 1)
WAITING = """
SELECT 1 FROM pg_stat_activity
 WHERE wait_event_type = 'Lock' AND datname = current_database() AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Ring:
    """Somebody who steers, while the test holds a transaction open."""

    crew: Crew
    gateway: Runtime

    def cancel(self, task_id: str, principal: str = "ada") -> Coroutine[Any, Any, Task]:
        return self.gateway.call(
            SteerTask(tenant_id="default", task_id=task_id, act="cancel", principal=principal)
        )

    def replay(self, task_id: str) -> Coroutine[Any, Any, Task]:
        return self.gateway.call(
            SteerTask(tenant_id="default", task_id=task_id, act="replay", principal="ada")
        )

    def pause(self) -> Coroutine[Any, Any, Queue]:
        return self.gateway.call(
            SteerQueue(tenant_id="default", kernel="noop", act="pause", principal="ada")
        )

    async def blocked(self, act: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin an act and wait until it stands before a lock."""
        begun = asyncio.create_task(act)
        await self.waits(1)
        assert not begun.done()
        return begun

    async def waits(self, count: int) -> None:
        """Wait until so many connections stand before a lock."""

        async def standing() -> bool:
            return len(await self.crew.house.rows("htm", WAITING)) == count

        await eventually(standing)

    async def assign(self, store: Claims, task_id: str) -> None:
        assert await store.assign_tasks([(UUID(task_id), WORKER)], lease=LEASE)


@pytest.fixture
async def ring(wide_crew: Crew) -> Ring:
    return Ring(wide_crew, await wide_crew.house.act_as("gateway"))


async def test_a_cancel_that_comes_behind_a_claim_asks_the_worker(ring: Ring) -> None:
    (task,) = await ring.crew.submit()
    async with ring.crew.htm.unit() as unit:
        await ring.assign(Claims(unit.tx), task.task_id)
        cancel = await ring.blocked(ring.cancel(task.task_id))
    asked = await cancel
    assert (asked.status, asked.cancel_requested_by) == ("assigned", "ada")


async def test_a_claim_does_not_wait_for_a_cancel_and_gets_nothing(ring: Ring) -> None:
    (task,) = await ring.crew.submit()
    async with ring.crew.htm.unit() as unit:
        await Steering(unit.tx).cancel_task(UUID(task.task_id), principal="ada")
        assert await ring.crew.claim() == []
    assert await ring.crew.claim() == []
    assert (await ring.crew.task(task.task_id)).attempt_number == 0


async def test_a_cancel_that_comes_behind_a_success_is_told_so(ring: Ring) -> None:
    task = await ring.crew.claimed()
    success = Closing(Fence(UUID(task.task_id), 1), Ending.SUCCEEDED, State.SUCCEEDED)
    async with ring.crew.htm.unit() as unit:
        await Attempts(unit.tx).close_attempts([success])
        cancel = await ring.blocked(ring.cancel(task.task_id))
    with pytest.raises(GraceError, match="succeeded"):
        await cancel
    assert (await ring.crew.task(task.task_id)).cancel_requested_at is None


@pytest.mark.parametrize(("report", "end"), [("completed", "succeeded"), ("failed", "cancelled")])
async def test_a_report_that_comes_behind_a_cancel_is_judged_by_it(
    ring: Ring, report: str, end: str
) -> None:
    task = await ring.crew.claimed()
    async with ring.crew.htm.unit() as unit:
        await Steering(unit.tx).ask_to_cancel(UUID(task.task_id), principal="ada")
        await ring.crew.worker.report(ring.crew.update(task, report))
        await ring.waits(1)
    await ring.crew.rests_as(end, task.task_id)


async def test_of_two_cancels_the_first_is_named_and_told(ring: Ring) -> None:
    (task,) = await ring.crew.submit()
    async with ring.crew.htm.unit() as unit:
        await Steering(unit.tx).cancel_task(UUID(task.task_id), principal="bob")
        both = [asyncio.create_task(ring.cancel(task.task_id)) for _ in range(2)]
        await ring.waits(2)
    first, second = await asyncio.gather(*both)
    assert first == second
    assert (first.status, first.cancel_requested_by) == ("cancelled", "bob")
    assert await ring.crew.house.messages(TaskSteered.SUBJECT) == []


async def test_replays_at_once_are_one_new_task(ring: Ring) -> None:
    dead = await _dead(ring)
    async with ring.crew.htm.unit() as unit:
        await Steering(unit.tx).steered_task("default", UUID(dead.task_id))
        replays = [asyncio.create_task(ring.replay(dead.task_id)) for _ in range(4)]
        await ring.waits(4)
    found = await asyncio.gather(*replays)
    assert len({task.task_id for task in found}) == 1
    assert len(await ring.crew.claim(9)) == 1


async def test_a_pause_waits_for_the_claim_before_it(ring: Ring) -> None:
    submitted = await ring.crew.submit(ring.crew.spec(), ring.crew.spec())
    async with ring.crew.htm.unit() as unit:
        await Line(unit.tx).lock_claims()
        await ring.assign(Claims(unit.tx), submitted[0].task_id)
        pause = await ring.blocked(ring.pause())
    paused = await pause
    assert (paused.queued, paused.held, paused.paused_by) == (1, 1, "ada")
    assert await ring.crew.claim() == []


async def test_a_claim_that_comes_behind_a_pause_gets_nothing(ring: Ring) -> None:
    await ring.crew.submit()
    async with ring.crew.htm.unit() as unit:
        await Line(unit.tx).lock_claims()
        await Queues(unit.tx).pause_queue("noop", principal="ada")
        claim = await ring.blocked(ring.crew.claim())
    assert await claim == []


async def _dead(ring: Ring) -> ClaimedTask:
    task = await ring.crew.claimed(max_attempts=1)
    await ring.crew.worker.report(ring.crew.update(task, "failed"))
    await ring.crew.rests_as("dead_letter", task.task_id)
    return task
