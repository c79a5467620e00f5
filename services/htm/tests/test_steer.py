"""People steer tasks: at once where nobody holds it, through the worker where one does, told once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import (
    ClaimedTask,
    DeadLetters,
    ListDeadLetters,
    SteerTask,
    Task,
    TaskSteered,
)
from grace.kit import GraceError, Runtime
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

REPLAYED = "can be done once more"


@dataclass(frozen=True)
class Desk:
    """Where people steer."""

    crew: Crew
    gateway: Runtime

    async def steer(self, act: str, task_id: str, **more: str) -> Task:
        """Steer as ada of the default tenant, unless told otherwise."""
        values = {"tenant_id": "default", "principal": "ada", **more}
        return await self.gateway.call(SteerTask(act=act, task_id=task_id, **values))

    async def refused(self, act: str, task_id: str, **more: str) -> GraceError:
        """The error that answers."""
        with pytest.raises(GraceError) as caught:
            await self.steer(act, task_id, **more)
        return caught.value

    async def letters(self, limit: int = 50, **more: str) -> DeadLetters:
        """A page of the dead letters."""
        values = {"tenant_id": "default", **more}
        return await self.gateway.call(ListDeadLetters(limit=limit, **values))

    async def records(self, count: int) -> list[TaskSteered]:
        """Wait until so many acts were told."""

        async def told() -> list[TaskSteered]:
            messages = await self.crew.house.messages(TaskSteered.SUBJECT)
            found = [TaskSteered.from_bytes(message.data) for message in messages]
            return found if len(found) == count else []

        found: list[TaskSteered] = await eventually(told)
        return found

    async def submitted(self, **changes: object) -> str:
        """A task that waits."""
        (task,) = await self.crew.submit(self.crew.spec(**changes))
        return task.task_id

    async def ended(self, task: ClaimedTask, status: str, **report: object) -> Task:
        """The task, once a report has ended its attempt."""
        await self.crew.worker.report(self.crew.update(task, "failed", **report))
        return await self.crew.rests_as(status, task.task_id)

    async def dead(self, **changes: object) -> str:
        """A dead letter."""
        task = await self.crew.claimed(max_attempts=1, **changes)
        await self.ended(task, "dead_letter", error_class="transient", error_message="no route")
        return task.task_id

    async def parked(self, **changes: object) -> str:
        """A task that needs attention."""
        task = await self.crew.claimed(**changes)
        await self.ended(task, "needs_attention", error_class="undecided", retryable=False)
        return task.task_id


@pytest.fixture
async def desk(crew: Crew) -> Desk:
    return Desk(crew, await crew.house.act_as("gateway"))


async def test_a_task_that_waits_is_cancelled_at_once_and_told_once(desk: Desk) -> None:
    task_id = await desk.submitted()
    cancelled = await desk.steer("cancel", task_id, reason="not today")
    assert (cancelled.status, cancelled.cancel_requested_by) == ("cancelled", "ada")
    assert cancelled.finished_at is not None
    assert await desk.steer("cancel", task_id, principal="bob") == cancelled
    assert await desk.crew.claim() == []
    assert [(each.task_id, each.outcome) for each in await desk.crew.finished(1)] == [
        (task_id, "cancelled")
    ]
    (record,) = await desk.records(1)
    assert (record.act, record.actor, record.reason) == ("cancel", "ada", "not today")


async def test_a_task_that_waits_for_its_retry_is_cancelled_at_once(desk: Desk) -> None:
    task = await desk.crew.claimed()
    await desk.ended(task, "retrying", error_class="transient", error_message="no route")
    cancelled = await desk.steer("cancel", task.task_id)
    assert (cancelled.status, cancelled.attempts[0].outcome) == ("cancelled", "failed")
    await desk.crew.house.rows("htm", "SELECT 1 FROM htm_tasks WHERE not_before IS NOT NULL")
    assert await desk.crew.claim() == []


async def test_a_task_of_which_nobody_can_know_whether_it_took_effect_rests_and_is_told(
    desk: Desk,
) -> None:
    task_id = await desk.parked(max_attempts=3)
    found = await desk.crew.rests_as("needs_attention", task_id)
    assert (found.finished_at, [each.outcome for each in found.attempts]) == (None, ["failed"])
    assert found.error_class == "undecided"
    (told,) = await desk.crew.finished(1)
    assert (told.task_id, told.outcome) == (task_id, "needs_attention")
    await desk.crew.queue_again()
    assert await desk.crew.claim() == []
    await desk.steer("release", task_id)
    (again,) = await desk.crew.claim()
    assert (again.task_id, again.attempt_number) == (task_id, 2)


async def test_a_task_that_needs_attention_is_cancelled_at_once(desk: Desk) -> None:
    task_id = await desk.parked()
    assert (await desk.steer("cancel", task_id)).status == "cancelled"


async def test_a_worker_is_told_by_its_beat_and_keeps_the_task(desk: Desk) -> None:
    crew = desk.crew
    await crew.submit(crew.spec(), crew.spec())
    task, other = await crew.claim(2)
    asked = await desk.steer("cancel", task.task_id)
    assert (asked.status, asked.cancel_requested_by) == ("assigned", "ada")
    await crew.let_pass("lease_until")
    beaten = await crew.beat(task, other)
    assert [each.task_id for each in beaten.cancel] == [task.task_id]
    assert beaten.stop == ()
    assert (
        len(await crew.house.rows("htm", "SELECT 1 FROM htm_tasks WHERE lease_until > now()")) == 2
    )
    foreign = await crew.beat(task, worker_id="w2")
    assert (foreign.cancel, len(foreign.stop)) == ((), 1)
    assert await desk.steer("cancel", task.task_id) == await crew.task(task.task_id)
    assert len(await desk.records(1)) == 1


async def test_a_success_after_the_request_stays_a_success(desk: Desk) -> None:
    task = await desk.crew.claimed()
    await desk.steer("cancel", task.task_id)
    await desk.crew.worker.report(desk.crew.update(task, "completed", result_json='{"a": 1}'))
    ended = await desk.crew.rests_as("succeeded", task.task_id)
    assert (ended.result_json, ended.cancel_requested_by) == ('{"a": 1}', "ada")
    assert await desk.steer("cancel", task.task_id) == ended


@pytest.mark.parametrize(
    ("status", "error_class"), [("failed", "transient"), ("timeout", None), ("failed", "user")]
)
async def test_a_failure_after_the_request_is_the_end(
    desk: Desk, status: str, error_class: str | None
) -> None:
    task = await desk.crew.claimed()
    await desk.steer("cancel", task.task_id)
    report = desk.crew.update(task, status, error_class=error_class, error_message="broken")
    await desk.crew.worker.report(report)
    ended = await desk.crew.rests_as("cancelled", task.task_id)
    assert (ended.error_message, ended.attempts[0].outcome) == ("broken", status)
    assert [each.outcome for each in await desk.crew.finished(1)] == ["cancelled"]
    await desk.crew.queue_again()
    assert await desk.crew.claim() == []


async def test_a_worker_that_is_never_heard_of_again_ends_it_too(desk: Desk) -> None:
    task = await desk.crew.claimed()
    await desk.steer("cancel", task.task_id)
    await desk.crew.lapse()
    ended = await desk.crew.rests_as("cancelled", task.task_id)
    assert ended.attempts[0].outcome == "lapsed"


async def test_what_has_ended_cannot_be_cancelled(desk: Desk) -> None:
    task = await desk.crew.claimed()
    await desk.crew.worker.report(desk.crew.update(task, "completed"))
    ended = await desk.crew.rests_as("succeeded", task.task_id)
    error = await desk.refused("cancel", task.task_id)
    assert (error.kind, "succeeded" in error.detail) == ("conflict", True)
    assert await desk.crew.task(task.task_id) == ended


async def test_a_task_at_rest_is_released_and_done(desk: Desk) -> None:
    task_id = await desk.parked(max_attempts=1, sla_ms=60_000)
    released = await desk.steer("release", task_id)
    assert released.status == "queued"
    assert (await desk.steer("release", task_id)).status == "queued"
    expiring = "SELECT 1 FROM htm_tasks WHERE expires_at IS NOT NULL"
    assert await desk.crew.house.rows("htm", expiring) == []
    (again,) = await desk.crew.claim()
    assert (again.task_id, again.attempt_number) == (task_id, 2)
    assert (await desk.steer("release", task_id)).status == "assigned"
    (record,) = await desk.records(1)
    assert (record.act, record.actor, record.task_id) == ("release", "ada", task_id)


async def test_a_missions_action_at_rest_does_not_go_on_behind_its_mission(desk: Desk) -> None:
    task_id = await desk.parked(contract_id="contract-1", mission_id="mission-1")
    error = await desk.refused("release", task_id)
    assert (error.kind, "contract-1" in error.detail) == ("conflict", True)


async def test_what_does_not_rest_is_not_released(desk: Desk) -> None:
    task_id = await desk.submitted()
    error = await desk.refused("release", task_id)
    assert (error.kind, "queued" in error.detail) == ("conflict", True)


async def test_a_dead_letter_is_done_once_more_as_a_new_task(desk: Desk) -> None:
    dead = await desk.dead(params='{"n": 1.0}', priority=7, sla_ms=5000)
    before = await desk.crew.task(dead)
    replay = await desk.steer("replay", dead)
    assert replay.task_id != dead
    assert (replay.status, replay.attempt_number, replay.replay_of) == ("queued", 0, dead)
    assert await desk.steer("replay", dead, principal="bob") == replay
    (claimed,) = await desk.crew.claim()
    assert (claimed.task_id, claimed.attempt_number) == (replay.task_id, 1)
    assert (claimed.spec.params, claimed.spec.priority) == ('{"n": 1.0}', 7)
    assert replay.sla_deadline_at - replay.created_at == before.sla_deadline_at - before.created_at
    assert await desk.crew.task(dead) == before
    (record,) = await desk.records(1)
    assert (record.task_id, record.replayed_as) == (dead, replay.task_id)


async def test_a_failed_task_and_even_a_replay_may_be_replayed(desk: Desk) -> None:
    task = await desk.crew.claimed()
    await desk.ended(task, "failed", error_class="user")
    first = await desk.steer("replay", task.task_id)
    (again,) = await desk.crew.claim()
    await desk.ended(again, "failed", error_class="user")
    second = await desk.steer("replay", first.task_id)
    assert (second.replay_of, second.status) == (first.task_id, "queued")
    assert (await desk.steer("replay", task.task_id)).task_id == first.task_id


async def test_what_strangers_submitted_is_replayed_at_their_charge(desk: Desk) -> None:
    dead = await desk.dead(origin="outside")
    assert (await desk.steer("replay", dead)).origin == "outside"


async def test_a_task_that_a_contract_was_judged_by_is_not_replayed(desk: Desk) -> None:
    dead = await desk.dead(contract_id="contract-1", mission_id="mission-1")
    error = await desk.refused("replay", dead)
    assert (error.kind, "contract-1" in error.detail) == ("conflict", True)
    assert await desk.crew.claim() == []
    assert len(await desk.crew.house.rows("htm", "SELECT 1 FROM htm_tasks")) == 1


async def test_only_what_failed_for_good_is_replayed(desk: Desk) -> None:
    queued, cancelled = await desk.submitted(), await desk.submitted()
    await desk.steer("cancel", cancelled)
    for task_id in (queued, cancelled):
        error = await desk.refused("replay", task_id)
        assert (error.kind, REPLAYED in error.detail) == ("conflict", True)


async def test_dead_letters_are_listed_newest_first_in_pages(desk: Desk) -> None:
    first, second, third = [await desk.dead() for _ in range(3)]
    await desk.dead(tenant_id="shop")
    again = await desk.steer("replay", second)
    page = await desk.letters(limit=2)
    assert [letter.task_id for letter in page.letters] == [third, second]
    assert [letter.replayed_as for letter in page.letters] == [None, again.task_id]
    (last,) = (await desk.letters(before=second)).letters
    assert (last.task_id, last.attempts, last.error_class) == (first, 1, "transient")
    assert last.error_message == "no route"
    with pytest.raises(GraceError):
        await desk.letters(before="no-uuid")


@pytest.mark.parametrize("act", ["cancel", "release", "replay"])
async def test_a_task_of_another_tenant_is_not_there(desk: Desk, act: str) -> None:
    task_id = await desk.submitted()
    before = await desk.crew.task(task_id)
    for wanted in (task_id, "no-uuid", "0199a7b2-0000-7000-8000-000000000000"):
        error = await desk.refused(act, wanted, tenant_id="shop")
        assert (error.kind, error.detail) == ("not_found", "No such task.")
    assert await desk.crew.task(task_id) == before


async def test_an_unknown_act_does_nothing(desk: Desk) -> None:
    task_id = await desk.submitted()
    assert (await desk.refused("explode", task_id)).kind == "invalid"
    assert (await desk.crew.task(task_id)).status == "queued"
