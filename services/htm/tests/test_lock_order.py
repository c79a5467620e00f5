"""Transactions that concern the same tasks wait for each other, and never in a circle."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

import pytest

from grace.contracts.htm import (
    ClaimedTasks,
    ClaimTasks,
    ReportTasks,
    SetLimit,
    SubmitTasks,
    SubmittedTasks,
    TaskSpec,
    TaskUpdate,
)
from grace.htm.domain.owner import Owner
from grace.htm.domain.schedule import Request
from grace.htm.handlers.claim import Memory
from grace.htm.handlers.report import on_report
from grace.htm.handlers.submit import on_submit
from grace.htm.settings import Settings
from grace.htm.store import Attempts, Claims, Limits, Line, UniqueKeys
from grace.kit import Called, new_id
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

Q = TypeVar("Q", ReportTasks, SubmitTasks)
LEASE = timedelta(seconds=45)
WORKER = Request(Owner("worker", "w2"), "key", frozenset({"noop"}), 1, 1)
WAITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


@dataclass(frozen=True)
class Pair:
    """Two replicas that meet at a lock which the test holds."""

    crew: Crew
    begun: list[asyncio.Task[Any]] = field(default_factory=list)

    async def begin(self, act: Coroutine[Any, Any, Any]) -> None:
        """Begin an act, and return when it stands before a lock or is done, as those before it."""
        self.begun.append(asyncio.create_task(act))

        async def met() -> bool:
            done = sum(act.done() for act in self.begun)
            ((waiting,),) = await self.crew.house.rows("htm", WAITING)
            return bool(done + waiting == len(self.begun))

        await eventually(met)

    async def report(self, *updates: TaskUpdate, slots: int = 0) -> ClaimedTasks:
        """One report, as the transaction of one replica."""
        claim = ClaimTasks(worker_id="w1", kernels=("noop",), slots=slots) if slots else None
        call = _called(ReportTasks(updates=updates, claim=claim), caller="worker")
        async with self.crew.htm.unit() as unit:
            (answer,) = await on_report(Settings(), Memory(), [call], unit)
        assert isinstance(answer, ClaimedTasks)
        return ClaimedTasks.from_bytes(answer.to_bytes())

    async def submit(self, *specs: TaskSpec) -> SubmittedTasks:
        """One submission, as the transaction of one replica."""
        call = _called(SubmitTasks(tasks=specs), caller="verification")
        async with self.crew.htm.unit() as unit:
            (answer,) = await on_submit(Settings(), [call], unit)
        assert isinstance(answer, SubmittedTasks)
        return SubmittedTasks.from_bytes(answer.to_bytes())


@pytest.fixture
def pair(wide_crew: Crew) -> Pair:
    return Pair(wide_crew)


async def test_stale_reports_of_two_replicas_do_not_wait_in_a_circle(pair: Pair) -> None:
    crew = pair.crew
    await crew.submit(*(crew.spec() for _ in range(3)))
    stale = await crew.claim(3)
    await crew.lapse()
    await crew.queue_again()
    gate, one, two = sorted(await crew.claim(3), key=lambda task: task.task_id)
    old = {task.task_id: crew.update(task, "completed") for task in stale}
    async with crew.htm.unit() as unit:
        await Attempts(unit.tx).attempted_tasks([UUID(gate.task_id)])
        for its, other in ((one, two), (two, one)):
            told = (crew.update(its, "completed"), old[other.task_id], old[gate.task_id])
            await pair.begin(pair.report(*told))
    await asyncio.gather(*pair.begun)
    assert [(await crew.task(t.task_id)).status for t in (gate, one, two)] == [
        "assigned", "succeeded", "succeeded",
    ]  # fmt: skip


async def test_a_report_that_claims_passes_over_what_another_replica_has_in_hand(
    pair: Pair,
) -> None:
    crew = pair.crew
    gateway = await crew.house.act_as("gateway")
    await gateway.call(SetLimit(tenant_id="default", key="gate", concurrency=9, requested_by="ada"))
    (waiting,) = await crew.submit(crew.spec(limit_key="gate"))
    held = await crew.claimed(priority=9)
    named = (waiting.task_id, held.task_id)
    async with crew.htm.unit() as unit:
        await Limits(unit.tx).lock_limits({("default", "gate")})
        await pair.begin(pair.report(crew.update(held, "completed"), slots=1))
        await pair.begin(pair.submit(crew.spec(depends_on=named)))
    report, submission = await asyncio.gather(*pair.begun)
    assert (report.tasks, report.drained) == ((), False)
    assert [task.outcome for task in submission.tasks] == ["created"]
    assert [task.task_id for task in await crew.claim(9)] == [waiting.task_id]


async def test_who_has_the_turn_passes_over_what_a_report_that_waits_for_it_has_locked(
    pair: Pair,
) -> None:
    crew = pair.crew
    held = await crew.claimed()
    await crew.lapse()
    await crew.queue_again()
    late = crew.update(held, "failed", error_class="transient")
    async with crew.htm.unit() as unit:
        await Line(unit.tx).lock_claims()
        await pair.begin(pair.report(late, slots=1))
        passed = await Claims(unit.tx).assign_tasks([(UUID(held.task_id), WORKER)], lease=LEASE)
    assert passed == {}
    (report,) = await asyncio.gather(*pair.begun)
    assert [(task.task_id, task.attempt_number) for task in report.tasks] == [(held.task_id, 2)]


async def test_much_that_is_reported_does_not_stand_behind_a_report_that_waits(pair: Pair) -> None:
    crew = pair.crew
    await crew.share_out(128)
    await crew.submit(*(crew.spec() for _ in range(128)))
    held = [crew.update(task, "completed") for task in await crew.claim(128)]
    async with crew.htm.unit() as unit:
        await Attempts(unit.tx).attempted_tasks([UUID(held[0].task_id)])
        await pair.begin(crew.report(*held[:64], slots=0))
        await crew.report(*held[64:], slots=0)
        assert (await crew.task(held[0].task_id)).status == "assigned"
        assert (await crew.task(held[64].task_id)).status == "succeeded"
    await asyncio.gather(*pair.begun)


async def test_workers_are_woken_for_what_a_claim_passed_over(pair: Pair) -> None:
    heard = await pair.crew.hints()
    (task,) = await pair.crew.submit()
    await eventually(lambda: heard == ["noop"])
    async with pair.crew.htm.unit() as unit:
        await Attempts(unit.tx).attempted_tasks([UUID(task.task_id)])
        assert await pair.crew.claim() == []
        await eventually(lambda: heard == ["noop"] * 2)


async def test_requests_with_relatives_and_unique_keys_do_not_wait_in_a_circle(
    pair: Pair,
) -> None:
    crew = pair.crew
    one, two = await crew.submit(crew.spec(unique_key="one"), crew.spec(unique_key="two"))
    async with crew.htm.unit() as unit:
        await UniqueKeys(unit.tx).lock_keys({("default", "one"), ("default", "two")})
        for key, other in (("one", two), ("two", one)):
            named = crew.spec(depends_on=(other.task_id,))
            await pair.begin(pair.submit(named, crew.spec(unique_key=key)))
    for answer in await asyncio.gather(*pair.begun):
        assert [task.outcome for task in answer.tasks] == ["created", "refused"]


def _called(body: Q, *, caller: str) -> Called[Q]:
    return Called(
        body=body, id=new_id(), subject="", caller=caller, key_id="key", tenant="default",
        correlation_id="", traceparent=None,
    )  # fmt: skip
