"""Why, on real Postgres: what no worker can take, what people are sent to, and which deadline it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from grace.contracts.htm import ExplainTask, Quota, SetLimit, SteerQueue, SteerTask, TaskReason

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

UNDECIDED = {"error_class": "undecided", "error_message": "who knows"}


async def why(crew: Crew, task_id: str) -> TaskReason:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(ExplainTask(tenant_id="default", task_id=task_id))


async def test_no_start_is_promised_to_a_task_that_no_worker_is_known_to_take(crew: Crew) -> None:
    await crew.done(await crew.claimed())
    gone, wants, large = await crew.submit(
        crew.spec(requires=("gpu",), sla_ms=1), crew.spec(requires=("gpu",)),
        crew.spec(params='{"a":"%s"}' % ("x" * 17_000)),
    )  # fmt: skip
    await crew.expired(gone.task_id)
    assert await crew.claim(5, largest_bytes=16 * 1024) == []
    for task, needs in ((wants, "with gpu"), (large, "that takes more than 16 KiB")):
        reason = await why(crew, task.task_id)
        assert [block.kind for block in reason.blocks] == ["requires"]
        assert f"it needs a worker {needs}, and none is known" in reason.sentence
        assert reason.estimated_start_at is None
    (plain,) = await crew.submit(crew.spec())
    assert (await why(crew, plain.task_id)).estimated_start_at is not None


async def test_no_start_is_promised_to_an_origin_that_may_hold_nothing(crew: Crew) -> None:
    await crew.done(await crew.claimed())
    nothing = Quota(origin="verification", share_percent=0, weight=1.0, lends=False)
    await crew.share_out(50, nothing)
    (task,) = await crew.submit()
    assert await crew.claim() == []
    reason = await why(crew, task.task_id)
    assert [block.kind for block in reason.blocks] == ["quota"]
    assert "origin verification has no part, and may not borrow" in reason.sentence
    assert reason.estimated_start_at is None


async def test_a_task_that_waits_for_its_time_is_told_that_its_kernel_is_paused(crew: Crew) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    retries = await crew.claimed()
    await crew.done(retries, "failed")
    (comes,) = await crew.submit(crew.spec(run_at=soon))
    assert (await why(crew, comes.task_id)).estimated_start_at == soon
    gateway = await crew.house.act_as("gateway")
    pause = SteerQueue(tenant_id="default", kernel="noop", act="pause", principal="ada")
    await gateway.call(pause)
    for task_id, kind in ((comes.task_id, "run_at"), (retries.task_id, "retry_wait")):
        reason = await why(crew, task_id)
        assert [block.kind for block in reason.blocks] == ["paused", kind]
        assert reason.estimated_start_at is None


async def test_a_start_behind_a_slow_limit_is_when_its_token_is_there(crew: Crew) -> None:
    gateway = await crew.house.act_as("gateway")
    daily = {"rate_per_second": 0.00001, "burst": 1, "requested_by": "ada"}
    await gateway.call(SetLimit(tenant_id="default", key="shop", **daily))
    await crew.done(await crew.claimed(limit_key="shop"))
    (task,) = await crew.submit(crew.spec(limit_key="shop"))
    assert await crew.claim() == []
    reason = await why(crew, task.task_id)
    assert [block.kind for block in reason.blocks] == ["limit"]
    assert reason.estimated_start_at is not None
    assert reason.estimated_start_at > datetime.now(UTC) + timedelta(hours=27)


async def test_a_cancelled_parent_says_that_its_children_are_to_stop(crew: Crew) -> None:
    parent, child = await crew.submit(crew.spec(key="p"), crew.spec(key="c", parent_key="p"))
    tasks = {task.task_id: task for task in await crew.claim(2)}
    await crew.done(tasks[parent.task_id])
    gateway = await crew.house.act_as("gateway")
    await gateway.call(
        SteerTask(tenant_id="default", task_id=parent.task_id, act="cancel", principal="ada")
    )
    sentence = (await why(crew, parent.task_id)).sentence
    assert f"{child.task_id} (assigned), which are to stop because ada cancelled it" in sentence


async def test_a_worker_that_took_such_a_task_is_known(crew: Crew) -> None:
    (first, second) = await crew.submit(*(crew.spec(requires=("gpu",)) for _ in range(2)))
    (task,) = await crew.claim(capabilities=("gpu",))
    (waits,) = {first.task_id, second.task_id} - {task.task_id}
    assert (await why(crew, waits)).blocks == ()
    await crew.done(task)
    reason = await why(crew, waits)
    assert (reason.blocks, reason.estimated_start_at is None) == ((), False)


async def test_a_parked_task_of_a_contract_is_decided_on_in_its_mission(crew: Crew) -> None:
    task = await crew.claimed(contract_id="c-1", mission_id="m-1")
    await crew.done(task, "failed", **UNDECIDED)
    assert "its mission is decided on" in (await why(crew, task.task_id)).sentence


async def test_a_task_that_its_own_deadline_ended_says_so(crew: Crew) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    (task,) = await crew.submit(crew.spec(deadline_at=soon, sla_ms=600_000))
    await crew.expired(task.task_id)
    assert f"before its own deadline_at, {soon:%Y-%m-%dT%H:%M:%S}" in (
        (await why(crew, task.task_id)).sentence
    )


async def test_an_attempt_that_was_released_comes_on_top(crew: Crew) -> None:
    task = await crew.claimed(max_attempts=1)
    await crew.done(task, "failed", **UNDECIDED)
    gateway = await crew.house.act_as("gateway")
    await gateway.call(
        SteerTask(tenant_id="default", task_id=task.task_id, act="release", principal="ada")
    )
    await crew.claim()
    assert "holds attempt 2," in (await why(crew, task.task_id)).sentence
