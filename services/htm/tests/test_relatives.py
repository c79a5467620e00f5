"""Tasks that wait for others, on real Postgres: dependencies, parents, children."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.htm import (
    ExplainTask,
    ListTasks,
    SteerTask,
    SubmitTasks,
    SubmittedTasks,
    TaskSpec,
)
from grace.htm.handlers import submit
from grace.htm.loops import Expire, Follow
from grace.htm.settings import Settings
from grace.kit import Called, Calls, GraceError, new_id
from grace.kit.group import Group
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

FATAL = {"error_class": "user", "error_message": "no"}


async def _submitted(crew: Crew, *wanted: dict[str, Any]) -> list[str]:
    """Submit in one request; returns the ids."""
    return [task.task_id for task in await crew.submit(*(crew.spec(**each) for each in wanted))]


def _called(tasks: tuple[TaskSpec, ...]) -> Called[Any]:
    body = SubmitTasks(tasks=tasks)
    return Called(body, new_id(), "", "verification", "key", "default", "", None)


async def _steer(crew: Crew, task_id: str, act: str) -> Any:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(
        SteerTask(tenant_id="default", task_id=task_id, act=act, principal="ada")
    )


async def _why(crew: Crew, task_id: str) -> Any:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(ExplainTask(tenant_id="default", task_id=task_id))


async def test_a_task_begins_when_all_that_it_depends_on_has_succeeded(crew: Crew) -> None:
    (before,) = await _submitted(crew, {"key": "stored"})
    with_id = {"key": "c", "depends_on": (before,), "depends_on_keys": ("a", "stored")}
    a, c, d = await _submitted(
        crew, {"key": "a"}, with_id, {"depends_on_keys": ("c",), "requires": ("gpu",)}
    )
    assert await crew.standing(a, c, d) == ["queued", "waiting", "waiting"]
    assert (await crew.task(c)).depends_on == tuple(sorted((before, a)))
    first, second = await crew.claim(9)
    await crew.done(first)
    assert await crew.standing(c) == ["waiting"]
    why = await _why(crew, c)
    assert [block.kind for block in why.blocks] == ["depends_on"]
    assert f"{second.task_id} (assigned)" in why.sentence
    assert first.task_id not in why.sentence
    assert why.estimated_start_at is None
    await crew.done(second)
    assert await crew.standing(c, d) == ["queued", "waiting"]
    (third,) = await crew.claim(9)
    await crew.done(third)
    assert await crew.standing(c, d) == ["succeeded", "queued"]


async def test_without_a_success_before_it_a_task_is_cancelled_and_why_says_whose(
    crew: Crew,
) -> None:
    a, b, c, other = await _submitted(
        crew, {"key": "a"}, {"key": "b", "depends_on_keys": ("a",)}, {"depends_on_keys": ("b",)}, {}
    )
    tasks = {task.task_id: task for task in await crew.claim(9)}
    await crew.done(tasks[a], "failed", **FATAL)
    assert await crew.standing(a, b, c, other) == ["failed", "cancelled", "cancelled", "assigned"]
    assert f"{a}, which it depends on, ended as failed" in (await _why(crew, b)).sentence
    assert (await crew.task(c)).cancel_reason == f"{b}, which it depends on, ended as cancelled"
    told = {task.task_id: task.outcome for task in await crew.finished(3)}
    assert told == {a: "failed", b: "cancelled", c: "cancelled"}


async def test_what_has_ended_before_the_submission_counts_as_well(crew: Crew) -> None:
    good, bad = await crew.claimed(), await crew.claimed()
    await crew.done(good)
    await crew.done(bad, "failed", **FATAL)
    after_good, after_bad = await _submitted(
        crew, {"depends_on": (good.task_id,)}, {"depends_on": (good.task_id, bad.task_id)}
    )
    assert await crew.standing(after_good, after_bad) == ["queued", "cancelled"]


async def test_the_same_submission_again_is_the_same_family(crew: Crew) -> None:
    family = [crew.spec(key="a"), crew.spec(key="b", depends_on_keys=("a",), parent_key=None)]
    first = await crew.submit(*family)
    (task,) = await crew.claim()
    await crew.done(task)
    again = await crew.submit(*family)
    assert [t.outcome for t in again] == ["existing", "existing"]
    assert [t.task_id for t in again] == [t.task_id for t in first]
    assert await crew.standing(first[1].task_id) == ["queued"]
    (late,) = await crew.submit(crew.spec(depends_on_keys=("a", "b")))
    assert await crew.standing(late.task_id) == ["waiting"]


async def test_relations_that_cannot_be_are_refused_and_nothing_is_stored(crew: Crew) -> None:
    (mine,) = await _submitted(crew, {"key": "mine", "kernel": "other"})
    (foreign,) = await _submitted(crew, {"tenant_id": "acme", "key": "theirs", "kernel": "other"})
    ended = await crew.claimed()
    await crew.done(ended, "failed", **FATAL)
    before = await crew.house.rows("htm", "SELECT id FROM htm_tasks")
    wrong: dict[str, list[dict[str, Any]]] = {
        "no task id": [{"depends_on": ("x",)}],
        "there is no task": [{"depends_on": (str(new_id()),)}],
        "no task theirs": [{"depends_on_keys": ("theirs",)}],
        f"no task {foreign}": [{"depends_on": (foreign,)}],
        "wait for one another: ": [
            {"key": "x", "depends_on_keys": ("y",)}, {"key": "y", "depends_on_keys": ("x",)},
        ],
        "wait for one another: x, x": [{"key": "x", "depends_on_keys": ("x",)}],
        "wait for one another: (c, p, c|p, c, p)": [
            {"key": "p", "depends_on_keys": ("c",)}, {"key": "c", "parent_key": "p"},
        ],
        "at most 64": [{"depends_on": (mine,) * 33, "depends_on_keys": ("mine",) * 32}],
        "has ended or is about to": [{"parent_id": ended.task_id}],
        "give parent_id or parent_key": [{"parent_id": mine, "parent_key": "mine"}],
        "charged to verification": [{"parent_id": mine, "origin": "intent"}],
        "children of its own parent": [{"parent_id": mine, "depends_on": (mine,)}],
        "another body": [{"key": "mine", "priority": 1, "kernel": "other"}, {"depends_on_keys": ("mine",)}],
    }  # fmt: skip
    for reason, specs in wrong.items():
        good = {"key": "beside"}
        with pytest.raises(GraceError, match=reason) as caught:
            await _submitted(crew, good, *specs)
        assert caught.value.kind == "invalid"
    after = await crew.house.rows("htm", "SELECT id FROM htm_tasks")
    assert {row["id"] for row in after} == {row["id"] for row in before}


async def test_the_first_task_under_a_key_is_the_one_that_is_judged(crew: Crew) -> None:
    foreign = await crew.claimed(tenant_id="acme", origin="intent")
    wrong: dict[str, list[dict[str, Any]]] = {
        "there is no task": [{"depends_on": (str(new_id()),)}],
        f"no task {foreign.task_id}": [{"depends_on": (foreign.task_id,)}],
        "no task nobody": [{"depends_on_keys": ("nobody",)}],
        "wait for one another": [{"depends_on_keys": ("b",)}, {"key": "b", "depends_on_keys": ("a",)}],
        "it could wait for or belong to": [{"parent_id": foreign.task_id}],
    }  # fmt: skip
    for reason, (first, *others) in wrong.items():
        with pytest.raises(GraceError, match=reason) as caught:
            await _submitted(crew, {"origin": "intent", "key": "a"} | first, *others, {"key": "a"})
        assert caught.value.kind == "invalid"
    assert len(await crew.house.rows("htm", "SELECT id FROM htm_tasks")) == 1
    await crew.done(foreign)
    assert await crew.standing(foreign.task_id) == ["succeeded"]


async def test_of_requests_that_give_one_key_at_once_each_is_judged_by_what_is_stored(
    crew: Crew,
) -> None:
    """In one batch, as the kit joins them: a child is charged to what its parent is charged to."""
    plain = crew.spec(key="p")
    family = (crew.spec(key="p", origin="intent"), crew.spec(parent_key="p", origin="intent"))

    async def transact(waiting: Calls) -> Any:
        async with crew.htm.unit() as unit:
            return await submit.on_submit(Settings(), waiting, unit)

    group, wanted = Group(transact), ((plain,), family)
    taken, refused = await asyncio.gather(
        *(group.call(_called(tasks)) for tasks in wanted), return_exceptions=True
    )
    assert isinstance(taken, SubmittedTasks)
    assert "the key p belongs to a task with another body" in str(refused)


async def test_a_task_cannot_take_the_place_of_its_parent_or_of_what_it_depends_on(
    crew: Crew,
) -> None:
    (held,) = await _submitted(crew, {"key": "p", "unique_key": "u"})
    for relation in ({"parent_id": held}, {"parent_key": "p"}, {"depends_on": (held,)}):
        wanted = relation | {"unique_key": "u", "unique_policy": "replace"}
        with pytest.raises(GraceError, match=f"take the place of {held}, which it names"):
            await _submitted(crew, wanted)
    assert await crew.standing(held) == ["queued"]
    (task,) = await crew.claim(9)
    await crew.done(task)
    (after,) = await _submitted(crew, wanted)
    assert await crew.standing(held, after) == ["succeeded", "queued"]


async def test_a_refused_family_spoils_no_other_request(crew: Crew) -> None:
    """They share a transaction, and what one of them names is locked for all."""
    bad = SubmitTasks(tasks=(crew.spec(depends_on_keys=("nothing",)),))
    (good,) = await crew.submit()
    with pytest.raises(GraceError, match="no task nothing"):
        await crew.verification.call(bad)
    (after,) = await crew.submit(crew.spec(depends_on=(good.task_id,)))
    assert await crew.standing(after.task_id) == ["waiting"]


async def test_a_parent_ends_after_its_children_and_well_only_if_they_do(crew: Crew) -> None:
    p, c1, c2, after = await _submitted(
        crew, {"key": "p"}, {"key": "c1", "parent_key": "p"},
        {"parent_key": "p", "depends_on_keys": ("c1",)}, {"depends_on_keys": ("p",)},
    )  # fmt: skip
    tasks = {task.task_id: task for task in await crew.claim(9)}
    assert set(tasks) == {p, c1}
    await crew.done(tasks[p], result_json='"own"')
    assert await crew.standing(p, c2, after) == ["joining", "waiting", "waiting"]
    why = await _why(crew, p)
    assert [block.kind for block in why.blocks] == ["children"]
    assert f"{c1} (assigned), {c2} (waiting)" in why.sentence
    (late,) = await _submitted(crew, {"parent_id": p})
    await crew.done(tasks[c1])
    await crew.follow()
    for task in await crew.claim(9):
        assert await crew.standing(p, after) == ["joining", "waiting"]
        await crew.done(task)
    assert await crew.standing(p, c1, c2, late, after) == ["succeeded"] * 4 + ["queued"]
    assert (await crew.task(p)).result_json == '"own"'
    gateway = await crew.house.act_as("gateway")
    page = await gateway.call(ListTasks(tenant_id="default", limit=9, parent_id=p))
    assert [task.task_id for task in page.tasks] == sorted((c1, c2, late), reverse=True)
    foreign = await gateway.call(ListTasks(tenant_id="acme", limit=9, parent_id=p))
    assert foreign.tasks == ()


async def test_a_child_that_did_not_succeed_fails_its_parent_when_all_have_ended(
    crew: Crew,
) -> None:
    p, bad, good = await _submitted(crew, {"key": "p"}, {"parent_key": "p"}, {"parent_key": "p"})
    tasks = {task.task_id: task for task in await crew.claim(9)}
    await crew.done(tasks[bad], "failed", **FATAL)
    await crew.done(tasks[p])
    assert await crew.standing(p) == ["joining"]
    await crew.done(tasks[good])
    assert await crew.standing(p) == ["failed"]
    assert (await crew.task(p)).error_message == f"its child {bad} ended as failed"
    assert {task.task_id for task in await crew.finished(3)} == {p, bad, good}


async def test_a_cancel_walks_down_and_the_parent_is_the_last_to_end(crew: Crew) -> None:
    p, c, grandchild, queued = await _submitted(
        crew, {"key": "p"}, {"key": "c", "parent_key": "p"}, {"parent_key": "c"},
        {"parent_key": "p", "kernel": "other"},
    )  # fmt: skip
    tasks = {task.task_id: task for task in await crew.claim(9)}
    await crew.done(tasks[c])
    assert (await _steer(crew, p, "cancel")).status == "assigned"
    family = (p, c, grandchild, queued)
    assert await crew.standing(*family) == ["assigned", "joining", "assigned", "cancelled"]
    beaten = await crew.beat(*tasks.values())
    assert {attempt.task_id for attempt in beaten.cancel} == {p, grandchild}
    assert f"to stop because its parent {c} ends as cancelled" in (
        (await _why(crew, grandchild)).sentence
    )
    with pytest.raises(GraceError, match="takes no more children"):
        await _submitted(crew, {"parent_id": p})
    await crew.done(tasks[p], "failed")
    assert await crew.standing(*family) == ["joining", "joining", "assigned", "cancelled"]
    await crew.done(tasks[grandchild], "failed")
    assert await crew.standing(*family) == ["cancelled"] * 4
    assert len(await crew.finished(4)) == 4


async def test_an_end_is_followed_without_a_look_at_the_clock(woken_crew: Crew) -> None:
    first, child, after, late = await _submitted(
        woken_crew, {"key": "first"}, {"parent_key": "first"},
        {"depends_on_keys": ("first",), "key": "after"},
        {"depends_on_keys": ("after",), "kernel": "other"},
    )  # fmt: skip
    for task in await woken_crew.claim(9):
        await woken_crew.done(task)
    await woken_crew.rests_as("succeeded", first)
    await woken_crew.rests_as("queued", after)
    (task,) = await woken_crew.claim()
    await woken_crew.done(task)
    await woken_crew.rests_as("queued", late)
    (last,) = await _submitted(woken_crew, {"depends_on": (after, child), "kernel": "other"})
    await woken_crew.rests_as("queued", last)


async def test_a_cancel_of_a_parent_is_followed_without_a_look_at_the_clock(
    woken_crew: Crew,
) -> None:
    parent, child = await _submitted(
        woken_crew, {"key": "p"}, {"parent_key": "p", "kernel": "other"}
    )
    await woken_crew.claim()
    assert (await _steer(woken_crew, parent, "cancel")).status == "assigned"
    await woken_crew.rests_as("cancelled", child)


async def test_whatever_else_ends_a_parent_takes_its_children_along(crew: Crew) -> None:
    p, c = await _submitted(crew, {"key": "p"}, {"parent_key": "p", "kernel": "other"})
    (task,) = await crew.claim()
    await crew.done(task, "failed", **FATAL)
    assert await crew.standing(p, c) == ["failed", "cancelled"]
    assert (await crew.task(p)).error_message == "no"
    waiting, child = await _submitted(
        crew, {"key": "q", "kernel": "other"}, {"parent_key": "q", "kernel": "other", "sla_ms": 2**31}
    )  # fmt: skip
    await crew.house.rows(
        "htm", "UPDATE htm_tasks SET expires_at = now() - interval '1 s' WHERE id = $1", waiting
    )
    await Expire(Settings()).tick(crew.htm)
    assert await crew.standing(waiting, child) == ["expired", "cancelled"]
    assert (await crew.task(child)).cancel_reason == f"its parent {waiting} ends as expired"


async def test_a_waiting_task_expires_and_can_be_cancelled(crew: Crew) -> None:
    a, b, c = await _submitted(
        crew, {"key": "a"}, {"depends_on_keys": ("a",)}, {"depends_on_keys": ("a",)}
    )
    assert (await _steer(crew, c, "cancel")).status == "cancelled"
    await crew.house.rows(
        "htm", "UPDATE htm_tasks SET expires_at = now() - interval '1 s' WHERE id = $1", b
    )
    await Expire(Settings()).tick(crew.htm)
    (task,) = await crew.claim(9)
    await crew.done(task)
    assert await crew.standing(a, b, c) == ["succeeded", "expired", "cancelled"]


async def test_a_failed_child_is_replayed_alone(crew: Crew) -> None:
    (p, c) = await _submitted(crew, {"key": "p"}, {"parent_key": "p"})
    tasks = {task.task_id: task for task in await crew.claim(9)}
    await crew.done(tasks[c], "failed", **FATAL)
    await crew.done(tasks[p])
    assert await crew.standing(p) == ["failed"]
    again = await _steer(crew, c, "replay")
    assert (again.status, again.parent_id, again.replay_of) == ("queued", None, c)


async def test_more_dependents_than_a_transaction_takes_are_all_let_go(crew: Crew) -> None:
    specs = [{"depends_on_keys": ("a",)} for _ in range(20)]
    await _submitted(crew, {"key": "a"}, *specs)
    (task,) = await crew.claim(50)
    await crew.done(task)
    while await Follow(Settings(sweep_most=3)).tick(crew.htm):
        pass
    assert len(await crew.claim(50)) == 20


async def test_the_loop_lets_a_chain_run_by_itself(quick_crew: Crew) -> None:
    links = [{"key": f"k{n}", "depends_on_keys": (f"k{n - 1}",) if n else ()} for n in range(4)]
    ids = await _submitted(quick_crew, *links)

    async def worked() -> bool:
        for task in await quick_crew.claim(9):
            await quick_crew.worker.report(quick_crew.update(task, "completed"))
        return (await quick_crew.task(ids[-1])).status == "succeeded"

    await eventually(worked)
    assert [(await quick_crew.task(i)).attempt_number for i in ids] == [1] * 4
