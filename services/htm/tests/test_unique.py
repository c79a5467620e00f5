"""Unique keys on real Postgres: one live task at a time, whoever submits where."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.htm import SteerTask, SubmitTasks, TaskSubmit
from grace.htm.handlers import submit
from grace.htm.loops import Promote, Prune
from grace.htm.settings import Settings
from grace.kit import Called, GraceError, new_id
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

SETTINGS = Settings()
OPEN = "SELECT id, status FROM htm_tasks WHERE finished_at IS NULL"


async def _submitted(crew: Crew, **changes: object) -> tuple[str, str]:
    (each,) = await crew.submit(crew.spec(unique_key="nightly", **changes))
    return each.outcome, each.task_id


async def _end(crew: Crew) -> None:
    (task,) = await crew.claim()
    await crew.worker.report(crew.update(task, "completed"))
    await crew.rests_as("succeeded", task.task_id)


async def test_a_key_is_refused_or_joined_while_its_task_lives_and_free_afterwards(
    crew: Crew,
) -> None:
    _, holder = await _submitted(crew)
    assert await _submitted(crew) == ("refused", holder)
    assert await _submitted(crew, unique_policy="join") == ("joined", holder)
    assert await _submitted(crew, tenant_id="acme") != ("refused", holder)
    await crew.house.rows("htm", "UPDATE htm_tasks SET status = 'cancelled', finished_at = now()"
                          " WHERE tenant_id = 'acme' RETURNING id")  # fmt: skip
    await _end(crew)
    assert (await _submitted(crew))[0] == "created"


async def test_what_waits_is_replaced_and_told_and_what_runs_is_not(crew: Crew) -> None:
    _, first = await _submitted(crew)
    outcome, second = await _submitted(crew, unique_policy="replace")
    assert outcome == "created"
    ended = await crew.task(first)
    assert (ended.status, ended.cancel_requested_by) == ("cancelled", f"task:{second}")
    (told,) = await crew.finished(1)
    assert (told.task_id, told.outcome) == (first, "cancelled")
    (claimed,) = await crew.claim(2)
    assert claimed.task_id == second
    assert await _submitted(crew, unique_policy="replace") == ("refused", second)


async def test_a_repeated_submission_is_the_same_whatever_became_of_it(crew: Crew) -> None:
    spec = crew.spec(unique_key="nightly")
    (first, again) = await crew.submit(spec, spec)
    assert (first.outcome, again.outcome) == ("created", "existing")
    joining = crew.spec(unique_key="nightly", unique_policy="join")
    await crew.submit(joining)
    await _end(crew)
    (each,) = await crew.submit(joining)
    assert (each.outcome, each.task_id) == ("existing", first.task_id)
    (each,) = await crew.submit(spec)
    assert (each.outcome, each.task_id) == ("existing", first.task_id)


async def test_inside_one_batch_the_first_enters(crew: Crew) -> None:
    specs = [crew.spec(unique_key="nightly", unique_policy=policy)
             for policy in ("refuse", "join", "refuse", "replace", "join")]  # fmt: skip
    outcomes = await crew.submit(crew.spec(), *specs)
    assert [each.outcome for each in outcomes] == [
        "created", "created", "joined", "refused", "created", "joined",
    ]  # fmt: skip
    assert outcomes[5].task_id == outcomes[4].task_id
    rows = await crew.house.rows("htm", OPEN)
    assert {str(row["id"]) for row in rows} == {outcomes[0].task_id, outcomes[4].task_id}


async def test_a_client_key_given_twice_is_answered_by_what_its_first_task_came_to(
    crew: Crew,
) -> None:
    _, holder = await _submitted(crew)
    wants = crew.spec(key="k", unique_key="nightly")
    joins = crew.spec(key="j", unique_key="nightly", unique_policy="join")
    for outcomes in (["joined", "existing", "conflict"], ["existing", "existing", "conflict"]):
        answer = await crew.submit(joins, joins, crew.spec(key="j"))
        assert [each.outcome for each in answer] == outcomes
        assert {each.task_id for each in answer} == {holder}
        answer = await crew.submit(wants, wants, crew.spec(key="k"))
        assert [(each.outcome, each.task_id) for each in answer] == [("refused", holder)] * 3
    assert len(await crew.house.rows("htm", OPEN)) == 1


@pytest.mark.parametrize("policy", ["refuse", "replace", "join"])
async def test_replicas_that_submit_at_once_leave_one_live_task(
    wide_crew: Crew, policy: str
) -> None:
    """Each of these is a transaction of its own, as of another replica; the keys come in any order."""

    async def one(number: int) -> Any:
        keys = ("a", "b") if number % 2 else ("b", "a")
        specs = [wide_crew.spec(unique_key=key, unique_policy=policy) for key in keys]
        call = Called(
            SubmitTasks(tasks=tuple(specs)), new_id(), "", "verification", "key", "default", "", None
        )  # fmt: skip
        async with wide_crew.htm.unit() as unit:
            return await submit.on_submit(SETTINGS, [call], unit)

    await asyncio.gather(*(one(number) for number in range(12)))
    assert len(await wide_crew.house.rows("htm", OPEN)) == 2
    assert len(await wide_crew.claim(10)) == 2


async def test_a_replay_waits_until_nobody_holds_its_key(crew: Crew) -> None:
    outcome, failed = await _submitted(crew, unique_policy="join")
    (task,) = await crew.claim()
    await crew.worker.report(crew.update(task, "failed", error_class="user"))
    await crew.rests_as("failed", failed)
    await _submitted(crew)
    gateway = await crew.house.act_as("gateway")
    order = SteerTask(tenant_id="default", task_id=failed, act="replay", principal="ada")
    with pytest.raises(GraceError, match="holds its unique key") as caught:
        await gateway.call(order)
    assert (outcome, caught.value.kind) == ("created", "conflict")
    await _end(crew)
    assert (await gateway.call(order)).replay_of == failed


async def test_keys_of_ended_tasks_are_forgotten_and_no_others(crew: Crew) -> None:
    await _submitted(crew)
    await _end(crew)
    await crew.submit(crew.spec(unique_key="weekly"))
    assert await Prune(SETTINGS).tick(crew.htm) is False
    rows = await crew.house.rows("htm", "SELECT unique_key FROM htm_unique_keys")
    assert [row["unique_key"] for row in rows] == ["weekly"]


async def test_a_stranger_has_keys_of_its_own_and_learns_of_a_conflict(crew: Crew) -> None:
    await _submitted(crew)
    for _ in range(2):
        message = TaskSubmit(tasks=(crew.spec(unique_key="nightly"),))
        body = message.to_bytes()
        await crew.house.publish_raw(user="outside", subject=message.SUBJECT, body=body)
    (row,) = await eventually(lambda: crew.house.rows("htm", "SELECT reason FROM quarantine"))
    assert row["reason"] == "unique_taken"
    assert len(await crew.house.rows("htm", OPEN)) == 2


async def test_a_scheduled_task_holds_its_key(crew: Crew) -> None:
    _, holder = await _submitted(crew, run_at=datetime(2199, 1, 1, tzinfo=UTC))
    assert await _submitted(crew) == ("refused", holder)
    assert (await _submitted(crew, unique_policy="replace"))[0] == "created"
    await Promote(SETTINGS).tick(crew.htm)
    assert (await crew.task(holder)).status == "cancelled"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"unique_key": "k", "unique_policy": "perhaps"}, "refuse, replace, join"),
        ({"unique_policy": "join"}, "needs a unique key"),
    ],
)
async def test_nonsense_is_refused(crew: Crew, changes: dict[str, str], problem: str) -> None:
    with pytest.raises(GraceError, match=problem) as caught:
        await crew.submit(crew.spec(**changes))
    assert caught.value.kind == "invalid"
