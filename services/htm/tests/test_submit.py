"""Submissions: once is enough, and twice is the same."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import SubmitTasks, TaskSubmit
from grace.kit import GraceError
from grace.testkit import eventually
from grace.testkit.canary import everything

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew


async def test_an_accepted_task_waits_with_its_size_and_its_deadline(crew: Crew) -> None:
    (submitted,) = await crew.submit(crew.spec(params='{"n": 1}', sla_ms=30_000))
    task = await crew.task(submitted.task_id)
    assert (submitted.outcome, task.status, task.attempt_number) == ("created", "queued", 0)
    assert task.data_size_bytes == len('{"n": 1}')
    assert (task.sla_deadline_at - task.created_at).total_seconds() == 30
    assert task.created_at == task.queued_at == task.updated_at


async def test_the_same_submission_twice_is_one_task(crew: Crew) -> None:
    spec = crew.spec()
    (first,) = await crew.submit(spec)
    (second,) = await crew.submit(spec)
    assert (first.outcome, second.outcome) == ("created", "existing")
    assert first.task_id == second.task_id
    assert len(await crew.house.rows("htm", "SELECT id FROM htm_tasks")) == 1


async def test_the_same_key_with_another_body_is_a_conflict(crew: Crew) -> None:
    spec = crew.spec()
    (first,) = await crew.submit(spec)
    (second,) = await crew.submit(spec.model_copy(update={"params": '{"other": true}'}))
    assert (second.outcome, second.task_id) == ("conflict", first.task_id)
    assert len(await crew.house.rows("htm", "SELECT id FROM htm_tasks")) == 1


async def test_the_same_key_of_another_tenant_is_another_task(crew: Crew) -> None:
    spec = crew.spec()
    submitted = await crew.submit(spec, spec.model_copy(update={"tenant_id": "acme"}))
    assert [each.outcome for each in submitted] == ["created", "created"]


async def test_many_at_once_with_one_key_get_one_task(crew: Crew) -> None:
    spec = crew.spec()
    answers = await asyncio.gather(*(crew.submit(spec, spec) for _ in range(32)))
    submitted = [each for answer in answers for each in answer]
    assert len({each.task_id for each in submitted}) == 1
    assert [each.outcome for each in submitted].count("created") == 1


async def test_a_task_that_cannot_be_routed_spoils_its_own_request_only(crew: Crew) -> None:
    good, bad = crew.spec(), crew.spec(kernel="two.words")
    answers = await asyncio.gather(
        crew.submit(good), crew.submit(crew.spec(), bad), return_exceptions=True
    )
    assert not isinstance(answers[0], BaseException)
    assert isinstance(answers[1], GraceError)
    assert answers[1].kind == "invalid"
    assert bad.key in answers[1].detail
    assert len(await crew.house.rows("htm", "SELECT id FROM htm_tasks")) == 1


async def test_a_worker_may_not_submit(crew: Crew) -> None:
    with pytest.raises(GraceError):
        await crew.worker.call(SubmitTasks(tasks=(crew.spec(),)), timeout=1)


async def test_accepted_tasks_are_told_once(crew: Crew) -> None:
    spec = crew.spec()
    await crew.submit(spec)
    await crew.submit(spec, crew.spec())
    messages = await eventually(lambda: _told(crew, 2))
    jobs = [job for message in messages for job in json.loads(message.data)["jobs"]]
    assert len(jobs) == 2
    assert {job["origin"] for job in jobs} == {"verification"}


async def test_a_stranger_is_charged_to_outside_in_the_default_tenant(crew: Crew) -> None:
    spec = crew.spec(origin="verification", tenant_id="acme")
    await _publish_unsigned(crew, TaskSubmit(tasks=(spec,)))
    (row,) = await eventually(lambda: crew.house.rows("htm", "SELECT * FROM htm_tasks"))
    assert (row["origin"], row["tenant_id"]) == ("outside", "default")
    (claimed,) = await crew.claim()
    assert (claimed.spec.origin, claimed.spec.tenant_id) == ("outside", "default")


async def test_a_stranger_cannot_take_a_key_before_a_service_does(crew: Crew) -> None:
    spec = crew.spec()
    await _publish_unsigned(crew, TaskSubmit(tasks=(spec,)))
    await eventually(lambda: crew.house.rows("htm", "SELECT id FROM htm_tasks"))
    (submitted,) = await crew.submit(spec)
    assert submitted.outcome == "created"


async def test_a_strangers_message_twice_is_one_task(crew: Crew) -> None:
    message = TaskSubmit(tasks=(crew.spec(),))
    await _publish_unsigned(crew, message)
    await _publish_unsigned(crew, message)
    await _publish_unsigned(crew, TaskSubmit(tasks=(crew.spec(),)))
    await eventually(lambda: _tasks(crew, 2))


async def test_a_strangers_conflict_and_nonsense_are_quarantined(crew: Crew) -> None:
    spec = crew.spec()
    await _publish_unsigned(crew, TaskSubmit(tasks=(spec,)))
    await _publish_unsigned(crew, TaskSubmit(tasks=(spec.model_copy(update={"priority": 5}),)))
    await _publish_unsigned(crew, TaskSubmit(tasks=(crew.spec(step="destroy"),)))
    await crew.house.publish_raw(user="outside", subject="htm.task.submit", body=b"not json")

    async def reasons() -> bool:
        rows = await crew.house.rows("htm", "SELECT reason FROM quarantine")
        return {row["reason"] for row in rows} == {"key_conflict", "cannot_route", "not_json"}

    await eventually(reasons)
    assert await _tasks(crew, 1)


@pytest.mark.parametrize("kernel", ["noop", "two.words"])
async def test_a_secret_that_a_stranger_sends_as_it_is_is_told_of_and_not_kept(
    crew: Crew, kernel: str
) -> None:
    """Wherever it stands: beside a task that is refused for another reason, too."""
    params = '{"argv": ["/bin/true"], "environment": {"TOKEN": "canary-7f3a91"}}'
    open_ = crew.spec(operation="command.run", params=params)
    await _publish_unsigned(crew, TaskSubmit(tasks=(crew.spec(kernel=kernel), open_)))
    query = "SELECT reason, detail, body FROM quarantine"
    (row,) = await eventually(lambda: crew.house.rows("htm", query))
    assert (row["reason"], row["body"]) == ("cannot_route", b"")
    assert "params.environment.TOKEN is a secret: give" in row["detail"]
    await eventually(lambda: crew.house.messages("quarantine.htm"))
    kept = await everything(crew.house)
    # The sender's own message is in the intake, where the sender has put it.
    assert kept.count("canary-7f3a91") == 1
    assert await _tasks(crew, 0)


async def test_a_kernel_that_nobody_knows_is_refused_where_that_is_set(strict_crew: Crew) -> None:
    crew = strict_crew
    with pytest.raises(GraceError, match="no worker has ever asked for tasks of kernel noop"):
        await crew.submit(crew.spec())
    await _publish_unsigned(crew, TaskSubmit(tasks=(crew.spec(),)))
    (row,) = await eventually(lambda: crew.house.rows("htm", "SELECT reason FROM quarantine"))
    assert row["reason"] == "cannot_route"
    assert await crew.house.rows("htm", "SELECT id FROM htm_tasks") == []
    await crew.claim()
    (submitted,) = await crew.submit()
    assert submitted.outcome == "created"


async def _publish_unsigned(crew: Crew, message: TaskSubmit) -> None:
    await crew.house.publish_raw(user="outside", subject=message.SUBJECT, body=message.to_bytes())


async def _told(crew: Crew, count: int) -> list[object]:
    messages = await crew.house.messages("job.enqueued")
    return messages if len(messages) == count else []


async def _tasks(crew: Crew, count: int) -> bool:
    return len(await crew.house.rows("htm", "SELECT id FROM htm_tasks")) == count
