"""Reports: only the owner of the newest attempt changes anything, and a final row never changes."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import TaskReports, TaskUpdate
from grace.contracts.message import Message
from grace.kit import Forbidden, Runtime, envelope, metrics, new_id
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew


async def test_a_task_runs_and_succeeds_with_its_result_to_the_letter(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "started"))
    await crew.rests_as("running", task.task_id)
    await crew.worker.report(crew.update(task, "completed", result_json='{"b": 1,  "a": 1.0}'))
    found = await crew.rests_as("succeeded", task.task_id)
    assert found.result_json == '{"b": 1,  "a": 1.0}'
    times = [found.created_at, found.assigned_at, found.started_at, found.finished_at]
    assert [time for time in times if time] == sorted(time for time in times if time)
    assert None not in times
    assert [each.outcome for each in found.attempts] == ["succeeded"]


async def test_a_completion_without_a_start_is_accepted(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "completed", result={"ok": True}))
    found = await crew.rests_as("succeeded", task.task_id)
    assert found.started_at == found.assigned_at
    assert json.loads(found.result_json or "") == {"ok": True}


async def test_a_start_that_comes_after_the_end_changes_nothing(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "completed"))
    ended = await crew.rests_as("succeeded", task.task_id)
    before = _ignored("late")
    await crew.worker.report(crew.update(task, "started"))
    await eventually(lambda: _ignored("late") == before + 1)
    assert await crew.task(task.task_id) == ended


async def test_the_same_message_twice_changes_nothing_and_is_told_once(crew: Crew) -> None:
    task = await crew.claimed()
    message = crew.update(task, "completed")
    before = _ignored("duplicate")
    await crew.worker.report(message)
    ended = await crew.rests_as("succeeded", task.task_id)
    await crew.worker.report(message)
    await eventually(lambda: _ignored("duplicate") == before + 1)
    assert await crew.task(task.task_id) == ended
    other = await crew.claimed()
    await crew.worker.report(crew.update(other, "completed"))
    told = await crew.finished(2)
    assert [each.task_id for each in told] == [task.task_id, other.task_id]
    assert told[0].outcome == "succeeded"


async def test_many_reports_in_one_message_are_one_event(crew: Crew) -> None:
    await crew.submit(*(crew.spec() for _ in range(20)))
    tasks = await crew.claim(20)
    updates = [crew.update(task, status) for task in tasks for status in ("started", "completed")]
    await crew.worker.report(TaskReports(updates=tuple(updates)))
    told = await crew.finished(20)
    assert {each.task_id for each in told} == {task.task_id for task in tasks}
    assert len(await crew.house.messages("htm.task.finished")) == 1
    assert len(await eventually(lambda: crew.house.messages("job.completed"))) == 1


async def test_a_report_on_an_older_attempt_changes_nothing(crew: Crew) -> None:
    old = await crew.claimed()
    await crew.worker.report(crew.update(old, "failed", error_class="transient"))
    await crew.rests_as("retrying", old.task_id)
    await crew.queue_again()
    (new,) = await crew.claim()
    assert (new.task_id, new.attempt_number) == (old.task_id, 2)
    before = _ignored("stale")
    await crew.worker.report(crew.update(old, "completed", result_json='"forged"'))
    await eventually(lambda: _ignored("stale") == before + 1)
    task = await crew.task(new.task_id)
    assert (task.status, task.attempt_number, task.result_json) == ("assigned", 2, None)


async def test_an_end_after_the_lease_lapsed_changes_nothing(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.lapse()
    before = _ignored("late")
    await crew.worker.report(crew.update(task, "completed"))
    await eventually(lambda: _ignored("late") == before + 1)
    assert (await crew.task(task.task_id)).status == "retrying"


FORGED: list[tuple[dict[str, object], str]] = [
    ({"worker_id": "w2"}, "not_owner"),
    ({"attempt_number": 2}, "not_owner"),
    ({"attempt_number": 2**32 - 1}, "not_owner"),
    ({"task_id": "0199a7b2-0000-7000-8000-000000000000"}, "unknown_task"),
    ({"task_id": "no-uuid"}, "unknown_task"),
]


async def test_a_forged_report_is_quarantined_and_changes_nothing(crew: Crew) -> None:
    task = await crew.claimed()
    for forged, _ in FORGED:
        await crew.worker.report(crew.update(task, "completed", **forged))
    reasons = sorted(reason for _, reason in FORGED)

    async def kept() -> bool:
        rows = await crew.house.rows("htm", "SELECT reason FROM quarantine")
        return sorted(row["reason"] for row in rows) == reasons

    await eventually(kept)
    assert (await crew.task(task.task_id)).status == "assigned"


async def test_a_forged_report_spoils_no_other_in_its_message(crew: Crew) -> None:
    await crew.submit(crew.spec(), crew.spec())
    good, stolen = await crew.claim(2)
    reports = (crew.update(stolen, "completed", worker_id="w2"), crew.update(good, "completed"))
    await crew.worker.report(TaskReports(updates=reports))
    await crew.rests_as("succeeded", good.task_id)
    assert (await crew.task(stolen.task_id)).status == "assigned"
    assert await _quarantined(crew, "not_owner")


@pytest.mark.parametrize(
    "error", [{"error_class": "system"}, {"error_message": "the disk is full"}], ids=str
)
async def test_a_success_with_an_error_in_it_is_none(crew: Crew, error: dict[str, str]) -> None:
    await crew.submit(crew.spec(), crew.spec())
    one, other = await crew.claim(2)
    said = crew.update(one, "completed", result_json="{}", **error)
    await crew.worker.report(TaskReports(updates=(said, crew.update(other, "completed"))))
    await crew.rests_as("succeeded", other.task_id)
    assert await _quarantined(crew, "contradictory")
    with pytest.raises(Forbidden):
        await crew.report(said, slots=0)
    assert (await crew.task(one.task_id)).status == "assigned"
    await crew.lapse()
    assert (await crew.task(one.task_id)).status == "retrying"


async def test_a_success_whose_result_is_no_json_is_none_and_is_tried_again(crew: Crew) -> None:
    await crew.submit(crew.spec(), crew.spec())
    one, other = await crew.claim(2)
    said = crew.update(one, "completed", result_json='{"rows": 1')
    await crew.worker.report(TaskReports(updates=(said, crew.update(other, "completed"))))
    await crew.rests_as("succeeded", other.task_id)
    assert await _quarantined(crew, "bad_result")
    with pytest.raises(Forbidden):
        await crew.report(said, slots=0)
    await crew.lapse()
    found = await crew.task(one.task_id)
    assert (found.status, found.result_json) == ("retrying", None)


async def test_another_service_cannot_report_even_with_the_workers_name(crew: Crew) -> None:
    task = await crew.claimed()
    await _publish_as(crew, crew.verification, crew.update(task, "completed"))
    await eventually(lambda: _quarantined(crew, "foreign_key"))
    await _publish_as(crew, None, crew.update(task, "completed"))
    await eventually(lambda: _quarantined(crew, "unsigned"))
    assert (await crew.task(task.task_id)).status == "assigned"


async def test_what_cannot_succeed_fails_at_once(crew: Crew) -> None:
    task = await crew.claimed()
    failure = {"error_class": "nonretryable", "error_message": "blocked: no capability"}
    await crew.worker.report(crew.update(task, "failed", **failure))
    found = await crew.rests_as("failed", task.task_id)
    assert (found.error_class, found.error_message) == ("nonretryable", "blocked: no capability")
    (told,) = await crew.finished(1)
    assert (told.outcome, told.attempts) == ("failed", 1)


async def test_failures_wait_longer_each_time_and_end_as_a_dead_letter(crew: Crew) -> None:
    await crew.submit(crew.spec(max_attempts=3))
    for plain in (1, 2):
        (task,) = await crew.claim()
        await crew.worker.report(crew.update(task, "timeout", error_message="too slow"))
        await crew.rests_as("retrying", task.task_id)
        (row,) = await crew.house.rows(
            "htm", "SELECT not_before - updated_at AS wait FROM htm_tasks"
        )
        assert 0.8 * plain <= row["wait"].total_seconds() <= 1.2 * plain
        await crew.queue_again()
    (task,) = await crew.claim()
    await crew.worker.report(crew.update(task, "failed", retryable=True))
    found = await crew.rests_as("dead_letter", task.task_id)
    assert [each.outcome for each in found.attempts] == ["timeout", "timeout", "failed"]
    assert [each.attempt_number for each in found.attempts] == [1, 2, 3]


async def test_times_come_from_the_database_whatever_the_workers_clock_says(crew: Crew) -> None:
    for hours in (-1, 1):
        task = await crew.claimed()
        skewed = datetime.now(UTC) + timedelta(hours=hours)
        await crew.worker.report(crew.update(task, "started", at=skewed))
        await crew.rests_as("running", task.task_id)
        await crew.worker.report(crew.update(task, "completed", at=skewed))
        found = await crew.rests_as("succeeded", task.task_id)
        assert found.finished_at
        assert found.finished_at - found.created_at < timedelta(minutes=1)


async def test_reports_and_beats_of_many_workers_at_once_all_arrive(crew: Crew) -> None:
    await crew.share_out(100)
    await crew.submit(*(crew.spec() for _ in range(100)))
    tasks = await crew.claim(100)
    reports = [
        TaskReports(updates=tuple(crew.update(task, "completed") for task in tasks[start::4]))
        for start in range(4)
    ]
    await asyncio.gather(
        *(crew.worker.report(report) for report in [*reports, *reversed(reports)]),
        *(crew.beat(*reversed(tasks)) for _ in range(8)),
    )
    await crew.finished(100)
    rows = await crew.house.rows("htm", "SELECT 1 FROM htm_tasks WHERE status <> 'succeeded'")
    assert rows == []


async def test_the_public_form_of_a_report_is_read_to_the_letter(crew: Crew) -> None:
    await crew.submit()
    (task,) = await crew.claim(worker_id="memory_kernel")
    public = {
        "task_id": task.task_id, "status": "completed", "worker_id": "memory_kernel",
        "attempt_number": 1, "at": "2026-11-20T12:00:00Z", "result": {"ok": True},
    }  # fmt: skip
    body = json.dumps(public).encode()
    identity = new_id()
    headers = {"Nats-Msg-Id": str(identity)} | envelope.signature_headers(
        crew.worker.keys.key_id,
        envelope.sign(crew.worker.keys, TaskUpdate.SUBJECT, identity, body),
    )
    await crew.house.publish_raw(
        user="worker", subject=TaskUpdate.SUBJECT, body=body, headers=headers
    )
    assert (await crew.rests_as("succeeded", task.task_id)).result_json == '{"ok":true}'


async def test_a_status_of_tomorrow_changes_nothing(crew: Crew) -> None:
    task = await crew.claimed()
    before = _ignored("unspecified")
    await crew.worker.report(crew.update(task, "paused"))
    await eventually(lambda: _ignored("unspecified") == before + 1)
    assert (await crew.task(task.task_id)).status == "assigned"


async def _quarantined(crew: Crew, reason: str) -> bool:
    rows = await crew.house.rows("htm", "SELECT reason FROM quarantine")
    return reason in {row["reason"] for row in rows}


async def _publish_as(crew: Crew, signer: Runtime | None, message: Message) -> None:
    """Publish with a worker's connection; `signer` is whose key signs it, None for nobody's."""
    subject, data, identity = TaskUpdate.SUBJECT, message.to_bytes(), new_id()
    headers = envelope.headers_of(
        signer.keys if signer else None, message, subject=subject, identity=identity, data=data
    )
    await crew.house.publish_raw(user="worker", subject=subject, body=data, headers=headers)


def _ignored(reason: str) -> float:
    counter = metrics.MESSAGES_IGNORED.labels("htm", TaskUpdate.SUBJECT, reason)
    return float(counter._value.get())


async def test_a_report_by_request_stands_when_it_is_answered_with_what_is_next(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.submit(crew.spec(target="next"))
    (following,) = await crew.report(crew.update(task, "completed"), slots=5)
    assert (await crew.task(task.task_id)).status == "succeeded"
    assert (following.spec.target, following.attempt_number) == ("next", 1)
    assert await crew.report(crew.update(following, "failed", error_class="user"), slots=0) == []
    assert (await crew.task(following.task_id)).status == "failed"
    assert [each.outcome for each in await crew.finished(2)] == ["succeeded", "failed"]


async def test_a_report_that_comes_by_request_and_by_stream_counts_once(crew: Crew) -> None:
    task = await crew.claimed()
    update = crew.update(task, "completed")
    await crew.report(update, slots=1)
    ended = await crew.task(task.task_id)
    before = _ignored("duplicate")
    await crew.worker.report(update)
    await eventually(lambda: _ignored("duplicate") == before + 1)
    assert await crew.report(update, slots=1) == []
    assert await crew.task(task.task_id) == ended


async def test_who_reports_for_another_by_request_is_refused_and_gets_nothing(crew: Crew) -> None:
    mine, others = await crew.claimed(), await crew.claimed()
    await crew.submit()
    forged = crew.update(others, "completed", worker_id="w2")
    with pytest.raises(Forbidden, match="1 of 2 reports"):
        await crew.report(crew.update(mine, "completed"), forged, slots=5)
    statuses = [(await crew.task(each.task_id)).status for each in (mine, others)]
    assert statuses == ["succeeded", "assigned"]
    assert len(await crew.claim(5)) == 1
