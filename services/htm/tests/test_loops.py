"""Loops: what time alone does to tasks. A tick too many changes nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from grace.htm.loops import Expire, Promote, Rescue
from grace.htm.settings import Settings
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

SETTINGS = Settings()


async def test_a_lapsed_lease_is_rescued_tried_again_and_buried_at_last(crew: Crew) -> None:
    await crew.submit(crew.spec(max_attempts=2))
    (first,) = await crew.claim()
    await crew.lapse()
    assert (await crew.task(first.task_id)).status == "retrying"
    await crew.queue_again()
    (second,) = await crew.claim(worker_id="w2")
    await crew.lapse()
    task = await crew.task(second.task_id)
    assert (task.status, task.error_class) == ("dead_letter", "system")
    assert [each.outcome for each in task.attempts] == ["lapsed", "lapsed"]
    (told,) = await crew.finished(1)
    assert (told.outcome, told.attempts) == ("dead_letter", 2)


async def test_a_running_task_is_rescued_too(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "started"))
    await crew.rests_as("running", task.task_id)
    await crew.lapse()
    assert (await crew.task(task.task_id)).status == "retrying"


async def test_a_lease_that_has_not_lapsed_is_left_alone(crew: Crew) -> None:
    task = await crew.claimed()
    await Rescue(SETTINGS).tick(crew.htm)
    assert (await crew.task(task.task_id)).status == "assigned"


async def test_a_retry_is_not_queued_before_its_time(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.lapse()
    await Promote(SETTINGS).tick(crew.htm)
    assert await crew.claim() == []
    assert (await crew.task(task.task_id)).status == "retrying"


async def test_a_promoted_task_starts_its_times_anew(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.lapse()
    await crew.queue_again()
    found = await crew.task(task.task_id)
    assert (found.status, found.assigned_at, found.started_at) == ("queued", None, None)
    assert found.queued_at
    assert found.queued_at > found.created_at


async def test_a_task_that_nobody_began_in_time_expires_and_an_undo_does_not(crew: Crew) -> None:
    observe, revert = await crew.submit(crew.spec(), crew.spec(step="revert"))
    await crew.let_pass("created_at")
    await crew.house.rows(
        "htm", "UPDATE htm_tasks SET expires_at = now() - interval '1 s'"
        " WHERE expires_at IS NOT NULL RETURNING id",
    )  # fmt: skip
    await Expire(SETTINGS).tick(crew.htm)
    assert (await crew.task(observe.task_id)).status == "expired"
    assert (await crew.task(revert.task_id)).status == "queued"
    (told,) = await crew.finished(1)
    assert (told.task_id, told.outcome) == (observe.task_id, "expired")


async def test_a_task_that_somebody_began_does_not_expire(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.let_pass("expires_at")
    await Expire(SETTINGS).tick(crew.htm)
    assert (await crew.task(task.task_id)).status == "assigned"


async def test_replicas_that_tick_at_once_do_everything_once(crew: Crew) -> None:
    await crew.submit(*(crew.spec(max_attempts=1) for _ in range(20)))
    await crew.claim(20)
    await crew.let_pass("lease_until")
    await asyncio.gather(*(Rescue(SETTINGS).tick(crew.htm) for _ in range(3)))
    told = await crew.finished(20)
    assert len({each.task_id for each in told}) == 20


async def test_a_tick_that_could_not_take_everything_says_that_there_is_more(crew: Crew) -> None:
    expire = Expire(Settings(sweep_most=2))

    async def said_of_three() -> list[bool | timedelta]:
        await crew.submit(crew.spec(), crew.spec(), crew.spec())
        await crew.let_pass("expires_at")
        return [await expire.tick(crew.htm), await expire.tick(crew.htm)]

    # htm's own first tick comes when it is the leader, and may take one lot; it has no second one.
    assert [True, False] in [await said_of_three(), await said_of_three()]


async def test_a_dead_workers_task_is_done_by_another_without_anybodys_help(
    quick_crew: Crew,
) -> None:
    await quick_crew.submit()
    (first,) = await quick_crew.claim(worker_id="dead")
    (second,) = await eventually(lambda: quick_crew.claim(worker_id="alive"))
    assert (second.task_id, second.attempt_number) == (first.task_id, 2)
