"""Claims: the lease starts here, no task is handed out twice, the oldest and most urgent goes first."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import ClaimedTasks, ClaimTasks
from grace.htm.handlers.claim import Memory, on_claim
from grace.htm.settings import Settings
from grace.kit import Called, Calls, GraceError, new_id
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew


async def test_a_claim_counts_the_attempt_and_starts_the_lease(crew: Crew) -> None:
    spec = crew.spec(params='{"n": 1.0}')
    await crew.submit(spec)
    (claimed,) = await crew.claim()
    task = await crew.task(claimed.task_id)
    assert claimed.spec == spec
    assert (claimed.attempt_number, claimed.lease_ms) == (1, 45_000)
    assert (task.status, task.attempt_number) == ("assigned", 1)
    assert [(each.attempt_number, each.outcome) for each in task.attempts] == [(1, "running")]


async def test_a_claim_records_the_worker_and_the_key_that_signed_it(crew: Crew) -> None:
    await crew.claimed()
    (row,) = await crew.house.rows("htm", "SELECT * FROM htm_tasks")
    owner = (row["worker_component"], row["worker_id"], row["worker_key_id"])
    assert owner == ("worker", "w1", crew.worker.keys.key_id)


async def test_workers_that_claim_at_once_never_get_the_same_task(crew: Crew) -> None:
    await crew.share_out(60)
    await crew.submit(*(crew.spec() for _ in range(60)))
    claims = await asyncio.gather(*(crew.claim(7, worker_id=f"w{n}") for n in range(12)))
    task_ids = [task.task_id for claim in claims for task in claim]
    assert len(task_ids) == len(set(task_ids)) == 60
    assert max(len(claim) for claim in claims) <= 7
    rows = await crew.house.rows("htm", "SELECT attempt_number FROM htm_tasks")
    assert [row["attempt_number"] for row in rows] == [1] * 60


async def test_two_houses_that_claim_at_once_never_hand_out_the_same_task(crew: Crew) -> None:
    await crew.share_out(60)
    await crew.submit(*(crew.spec() for _ in range(60)))
    async with crew.house.running("htm"):
        claims = await asyncio.gather(*(crew.claim(7, worker_id=f"w{n}") for n in range(12)))
    task_ids = [task.task_id for claim in claims for task in claim]
    assert len(task_ids) == len(set(task_ids)) == 60


async def test_the_urgent_goes_first_then_the_oldest(crew: Crew) -> None:
    for name, priority in (("old", 0), ("young", 0), ("urgent", 1), ("idle", -1)):
        await crew.submit(crew.spec(target=name, priority=priority))
    order = [(await crew.claim())[0].spec.target for _ in range(4)]
    assert order == ["urgent", "old", "young", "idle"]


async def test_whoever_waited_a_step_longer_is_as_urgent(crew: Crew) -> None:
    await crew.submit(crew.spec(target="patient"))
    await crew.house.rows(
        "htm", "UPDATE htm_tasks SET order_key = order_key - interval '31 s' RETURNING id"
    )
    await crew.submit(crew.spec(target="urgent", priority=1))
    assert (await crew.claim())[0].spec.target == "patient"


async def test_origins_and_tenants_stand_in_one_line(crew: Crew) -> None:
    for number, (origin, tenant) in enumerate([("b", "y"), ("a", "y"), ("b", "x"), ("a", "x")]):
        await crew.submit(crew.spec(origin=origin, tenant_id=tenant, target=str(number)))
    assert [task.spec.target for task in await crew.claim(4)] == ["0", "1", "2", "3"]


async def test_a_worker_gets_only_tasks_of_its_kernels(crew: Crew) -> None:
    await crew.submit(crew.spec(kernel="noop"), crew.spec(kernel="postgres"))
    assert await crew.claim(9, kernels=("filesystem", "not a kernel", "")) == []
    claimed = await crew.claim(9, kernels=("filesystem", "postgres"))
    assert [task.spec.kernel for task in claimed] == ["postgres"]


async def test_large_tasks_are_handed_out_in_answers_that_fit_a_message(crew: Crew) -> None:
    for _ in range(5):
        await crew.submit(crew.spec(before="x" * 250_000))
    first, second = await crew.claim(5), await crew.claim(5)
    assert 0 < len(first) < 5
    assert len(first) + len(second) == 5


async def test_nobody_but_a_worker_may_claim(crew: Crew) -> None:
    await crew.submit()
    with pytest.raises(GraceError):
        await crew.verification.call(
            ClaimTasks(worker_id="w1", kernels=("noop",), slots=1), timeout=1
        )
    (row,) = await crew.house.rows("htm", "SELECT status FROM htm_tasks")
    assert row["status"] == "queued"


async def test_new_work_wakes_the_workers_of_its_kernel(crew: Crew) -> None:
    heard = await crew.hints()
    await crew.submit(crew.spec(kernel="noop"), crew.spec(kernel="noop"), crew.spec(kernel="http"))
    await eventually(lambda: sorted(heard) == ["http", "noop"])


async def test_a_beat_keeps_the_lease(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.let_pass("lease_until")
    beaten = await crew.beat(task)
    assert (beaten.stop, beaten.lease_ms) == ((), 45_000)
    rows = await crew.house.rows("htm", "SELECT 1 FROM htm_tasks WHERE lease_until > now()")
    assert len(rows) == 1


async def test_a_beat_is_told_which_attempts_to_stop(crew: Crew) -> None:
    await crew.submit(*(crew.spec() for _ in range(3)))
    mine, ended, others = await crew.claim(3)
    await crew.worker.report(crew.update(ended, "completed"))
    await crew.rests_as("succeeded", ended.task_id)
    (theirs,) = [others]
    nonsense = others.model_copy(update={"task_id": "no-uuid"})
    unclaimed = mine.model_copy(update={"attempt_number": 2**32 - 1})
    beaten = await crew.beat(mine, ended, nonsense, unclaimed)
    assert {(each.task_id, each.attempt_number) for each in beaten.stop} == {
        (each.task_id, each.attempt_number) for each in (ended, nonsense, unclaimed)
    }
    assert len((await crew.beat(theirs, worker_id="w2")).stop) == 1


async def test_who_claims_while_another_has_the_turn_is_served_with_it(crew: Crew) -> None:
    await crew.submit(crew.spec(), crew.spec(), crew.spec(kernel="late"))
    memory, second = Memory(), _called("w2", "noop", "late")
    calls = Calls([_called("w1", "noop")], lambda: [second])
    async with crew.htm.unit() as unit:
        answers = await on_claim(Settings(), memory, calls, unit)
    handed = [ClaimedTasks.from_bytes(answer.to_bytes()) for answer in answers]
    assert sorted(task.spec.kernel for task in handed[1].tasks) == ["late", "noop"]
    assert [len(answer.tasks) for answer in handed] == [1, 2]
    assert {task.attempt_number for answer in handed for task in answer.tasks} == {1}
    # What the second has asked for is noted by the next.
    async with crew.htm.unit() as unit:
        await on_claim(Settings(), memory, Calls([_called("w1", "noop")]), unit)
    rows = await crew.house.rows("htm", "SELECT kernel FROM htm_kernels ORDER BY kernel")
    assert [row["kernel"] for row in rows] == ["late", "noop"]


def _called(worker_id: str, *kernels: str) -> Called[ClaimTasks]:
    body = ClaimTasks(worker_id=worker_id, kernels=kernels, slots=2)
    return Called(body, new_id(), body.SUBJECT, "worker", "key", "default", "c", None)
