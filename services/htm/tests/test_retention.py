"""Retention: what ended long ago is forgotten, with all that belongs to it and nothing else."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

from grace.contracts.htm import SteerTask
from grace.htm.loops import Prune
from grace.htm.settings import Settings
from grace.htm.store.retention import Ended

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

# What has ended is older than this as soon as somebody looks.
AT_ONCE = Settings(keep_ended=timedelta(microseconds=1))
LEFT = (
    "SELECT (SELECT count(*) FROM htm_tasks) AS tasks,"
    " (SELECT count(*) FROM htm_task_keys) AS keys, (SELECT count(*) FROM htm_task_attempts) AS attempts"
)


async def _end(crew: Crew, status: str, **more: object) -> str:
    task = await crew.claimed()
    await crew.worker.report(
        crew.update(task, "completed" if status == "succeeded" else "failed", **more)
    )
    await crew.rests_as(status, task.task_id)
    return task.task_id


async def _left(crew: Crew) -> tuple[int, int, int]:
    (row,) = await crew.house.rows("htm", LEFT)
    return row["tasks"], row["keys"], row["attempts"]


async def test_an_ended_task_goes_with_its_attempts_and_keys_and_its_key_is_free(
    crew: Crew,
) -> None:
    spec = crew.spec()
    (first,) = await crew.submit(spec)
    (task,) = await crew.claim()
    await crew.worker.report(crew.update(task, "completed"))
    await crew.rests_as("succeeded", first.task_id)
    await Prune(Settings()).tick(crew.htm)
    (again,) = await crew.submit(spec)
    assert (again.outcome, again.task_id) == ("existing", first.task_id)
    await Prune(AT_ONCE).tick(crew.htm)
    assert await _left(crew) == (0, 0, 0)
    (anew,) = await crew.submit(spec)
    assert (anew.outcome, anew.task_id != first.task_id) == ("created", True)


async def test_what_lives_is_kept_however_old_it_is(crew: Crew) -> None:
    await crew.submit(crew.spec(kernel="other"))
    lapsed = await crew.claimed()
    await crew.lapse()
    held = await crew.claimed()
    before = await _left(crew)
    assert await Prune(AT_ONCE).tick(crew.htm) is False
    assert await _left(crew) == before
    assert (await crew.task(lapsed.task_id)).status == "retrying"
    assert (await crew.task(held.task_id)).status == "assigned"


async def test_a_task_stays_as_long_as_the_one_that_replays_it(crew: Crew) -> None:
    failed = await _end(crew, "failed", error_class="user")
    gateway = await crew.house.act_as("gateway")
    order = SteerTask(tenant_id="default", task_id=failed, act="replay", principal="ada")
    replay = await gateway.call(order)
    await Prune(AT_ONCE).tick(crew.htm)
    assert (await crew.task(replay.task_id)).replay_of == failed
    (task,) = await crew.claim()
    await crew.worker.report(crew.update(task, "completed"))
    await crew.rests_as("succeeded", replay.task_id)
    await Prune(AT_ONCE).tick(crew.htm)
    await Prune(AT_ONCE).tick(crew.htm)
    assert await _left(crew) == (0, 0, 0)


async def test_replicas_share_the_work_and_each_tick_is_short(wide_crew: Crew) -> None:
    for _ in range(4):
        await _end(wide_crew, "succeeded")
    prune = Prune(AT_ONCE.model_copy(update={"sweep_most": 2}))
    assert max(await asyncio.gather(prune.tick(wide_crew.htm), prune.tick(wide_crew.htm)))
    while await prune.tick(wide_crew.htm):
        pass
    assert await _left(wide_crew) == (0, 0, 0)


async def test_what_a_live_task_waits_for_or_is_parent_of_stays(crew: Crew) -> None:
    done, _, waits, child, parent = await crew.submit(
        crew.spec(key="done"),
        crew.spec(key="runs"),
        crew.spec(key="waits", depends_on_keys=("done", "runs")),
        crew.spec(key="child", parent_key="parent"),
        crew.spec(key="parent"),
    )
    tasks = {task.task_id: task for task in await crew.claim(9)}
    await crew.done(tasks.pop(done.task_id))
    await crew.done(tasks.pop(child.task_id))
    await Prune(AT_ONCE).tick(crew.htm)
    assert (await _left(crew))[0] == 5
    for task in tasks.values():
        await crew.done(task)
    assert await crew.standing(waits.task_id, parent.task_id) == ["queued", "succeeded"]
    (last,) = await crew.claim(9)
    await crew.done(last)
    for _ in range(2):  # those that were waited for go after those that waited
        await Prune(AT_ONCE).tick(crew.htm)
    assert await _left(crew) == (0, 0, 0)


async def test_what_somebody_names_in_the_very_moment_stays(crew: Crew) -> None:
    failed = await _end(crew, "failed", error_class="user")
    async with crew.htm.unit() as unit:  # an older look: its statement has not seen what comes now
        old = await Ended(unit.tx).lock(keep=AT_ONCE.keep_ended, most=9)
    (waits,) = await crew.submit(crew.spec(depends_on=(failed,)))
    async with crew.htm.unit() as unit:
        assert await Ended(unit.tx).drop(old) == 0
    assert await crew.standing(waits.task_id) == ["cancelled"]
    await Prune(AT_ONCE).tick(crew.htm)
    assert await _left(crew) == (0, 0, 0)
