"""Long tasks: how far they are, and when nobody wants them any more."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from grace.contracts.htm import Attempt, Beat, Progress, ReportTasks, RunningAttempt
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.progress import Progress as Told
from grace.htm.domain.progress import Word, furthest_of, word_of
from grace.htm.loops import Expire, Prune
from grace.htm.settings import Settings
from grace.kit import Forbidden, GraceError, metrics
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

    from grace.contracts.htm import ClaimedTask

MINE = Owner("worker", "w1")


def test_of_many_words_on_an_attempt_the_furthest_counts() -> None:
    fences = [Fence(UUID(int=1), 1), Fence(UUID(int=1), 2)]
    one = [Told(fence, MINE, Word(percent)) for fence in fences for percent in (0, 50, 100)]
    for told in product(one, repeat=3):
        kept = {each.fence: each.word.percent for each in furthest_of(told)}
        for fence in {each.fence for each in told}:
            assert kept.pop(fence) == max(t.word.percent for t in told if t.fence == fence)
        assert kept == {}


def test_nobody_tells_a_novel() -> None:
    assert word_of(2**32 - 1, "x" * 5000) == Word(100, "x" * 1000)


async def _tell(
    crew: Crew, task: ClaimedTask, percent: int, message: str | None = None, **other: Any
) -> Attempt:
    """Beat with a word on progress; returns the newest attempt as it is shown then."""
    attempt = RunningAttempt(
        task_id=task.task_id,
        attempt_number=other.get("number", task.attempt_number),
        progress=Progress(percent=percent, message=message),
    )
    worker_id = other.get("worker_id", "w1")
    await crew.worker.call(Beat(worker_id=worker_id, attempts=(attempt,)))
    return (await crew.task(task.task_id)).attempts[-1]


async def test_progress_is_shown_only_grows_and_ends_nothing(crew: Crew) -> None:
    task = await crew.claimed()
    assert (await crew.task(task.task_id)).attempts[-1].progress_at is None
    shown = await _tell(crew, task, 40, "copying")
    assert (shown.progress_percent, shown.progress_message) == (40, "copying")
    assert shown.progress_at is not None
    assert shown.progress_at >= shown.assigned_at
    assert await _tell(crew, task, 30, "behind") == shown
    assert await _tell(crew, task, 40, "copying") == shown
    assert (await _tell(crew, task, 40, "counting")).progress_message == "counting"
    assert (await _tell(crew, task, 2**32 - 1)).progress_percent == 100
    assert (await crew.task(task.task_id)).status == "assigned"


async def test_progress_is_taken_from_the_attempts_own_worker_alone(crew: Crew) -> None:
    task = await crew.claimed()
    first = await _tell(crew, task, 60)
    assert await _tell(crew, task, 90, worker_id="w2") == first
    assert await _tell(crew, task, 90, number=task.attempt_number + 1) == first
    await crew.done(task, "failed")
    await crew.queue_again()
    (again,) = await crew.claim()
    assert (await _tell(crew, task, 95)).progress_percent is None
    assert (await _tell(crew, again, 10)).progress_percent == 10
    old, new = (await crew.task(task.task_id)).attempts
    assert (old.progress_percent, new.progress_percent) == (60, 10)


async def test_a_report_tells_how_far_an_attempt_is_and_what_is_behind_is_counted(
    crew: Crew,
) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "started", progress=_at(40, "copying")))
    shown = (await crew.rests_as("running", task.task_id)).attempts[-1]
    assert (shown.progress_percent, shown.progress_message) == (40, "copying")
    before = _ignored()
    words = (_at(90), _at(70), _at(90), None)
    await crew.report(*(crew.update(task, "started", progress=w) for w in words), slots=0)
    with pytest.raises(Forbidden, match="attempt 1 by worker/w2"):
        await crew.report(crew.update(task, "started", progress=_at(95), worker_id="w2"), slots=0)
    await crew.report(crew.update(task, "failed"), slots=0)
    await crew.queue_again()
    (again,) = await crew.claim()
    both = [crew.update(each, "started", progress=_at(99)) for each in (task, again)]
    await crew.report(*both, slots=0)
    old, new = (await crew.task(task.task_id)).attempts
    assert (old.progress_percent, new.progress_percent) == (90, 99)
    assert _ignored() - before == {"behind": 1, "duplicate": 2, "stale": 1}


def _at(percent: int, message: str | None = None) -> Progress:
    return Progress(percent=percent, message=message)


def _ignored() -> Counter[str]:
    """What counted for nothing of what was reported by request."""
    labels = [("htm", ReportTasks.SUBJECT, kind) for kind in ("behind", "duplicate", "stale")]
    return Counter({k[2]: int(metrics.MESSAGES_IGNORED.labels(*k)._value.get()) for k in labels})


async def test_after_its_deadline_nobody_begins_a_task_and_who_runs_it_is_told(
    crew: Crew,
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=30)
    held = await crew.claimed(deadline_at=soon)
    (waits,) = await crew.submit(crew.spec(deadline_at=soon, sla_ms=2**31, step="revert"))
    (free,) = await crew.submit(crew.spec(sla_ms=2**31))
    assert (await crew.task(waits.task_id)).deadline_at == soon
    await Expire(Settings()).tick(crew.htm)
    assert (await crew.beat(held)).cancel == ()
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET deadline_at = deadline_at - interval '1 hour',"
        " expires_at = expires_at - interval '1 hour' RETURNING id",
    )
    await Expire(Settings()).tick(crew.htm)
    assert await crew.standing(waits.task_id, free.task_id) == ["expired", "queued"]
    beaten = await crew.beat(held)
    assert [each.task_id for each in beaten.cancel] == [held.task_id]
    await crew.done(held, "failed")
    task = await crew.task(held.task_id)
    assert (task.status, task.cancel_reason) == ("cancelled", "its deadline passed")
    assert {t.task_id: t.outcome for t in await crew.finished(2)} == {
        waits.task_id: "expired", held.task_id: "cancelled",
    }  # fmt: skip


async def test_what_nobody_has_expired_yet_is_not_begun_and_keeps_none_behind_it_from_it(
    crew: Crew,
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=30)
    (late,) = await crew.submit(crew.spec(deadline_at=soon, priority=9, sla_ms=2**31))
    (other,) = await crew.submit(crew.spec(deadline_at=soon, requires=("gpu",), sla_ms=2**31))
    await crew.let_pass("deadline_at")
    assert await crew.claim(capabilities=("gpu",)) == []
    (behind,) = await crew.submit()
    assert [each.task_id for each in await crew.claim(capabilities=("gpu",))] == [behind.task_id]
    assert await crew.standing(late.task_id, other.task_id) == ["queued", "queued"]
    await crew.let_pass("expires_at")
    await Expire(Settings()).tick(crew.htm)
    assert await crew.standing(late.task_id, other.task_id) == ["expired", "expired"]


async def test_what_is_done_in_spite_of_its_deadline_is_done(crew: Crew) -> None:
    task = await crew.claimed(deadline_at=datetime.now(UTC) + timedelta(minutes=30))
    await crew.let_pass("deadline_at")
    await Expire(Settings()).tick(crew.htm)
    await crew.done(task)
    assert await crew.standing(task.task_id) == ["succeeded"]


async def test_a_deadline_that_has_passed_is_refused_but_not_what_is_stored(crew: Crew) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=30)
    for change, reason in (
        ({"deadline_at": soon - timedelta(hours=1)}, "has passed"),
        ({"deadline_at": soon, "run_at": soon}, "after run_at"),
    ):
        with pytest.raises(GraceError, match=reason) as caught:
            await crew.submit(crew.spec(), crew.spec(**change))
        assert caught.value.kind == "invalid"
    assert await crew.house.rows("htm", "SELECT id FROM htm_tasks") == []
    passes_at = datetime.now(UTC) + timedelta(seconds=1)  # it has to be stored before
    late = crew.spec(key="late", deadline_at=passes_at)
    (first,) = await crew.submit(late)
    await eventually(lambda: datetime.now(UTC) > passes_at)
    await crew.expired(first.task_id)
    (again,) = await crew.submit(late)
    assert (again.outcome, again.task_id) == ("existing", first.task_id)


async def test_what_an_attempt_told_goes_with_its_task(crew: Crew) -> None:
    task = await crew.claimed()
    await _tell(crew, task, 40)
    await crew.done(task)
    assert (await crew.task(task.task_id)).attempts[-1].progress_percent == 40
    await Prune(Settings(keep_ended=timedelta(microseconds=1))).tick(crew.htm)
    assert await crew.house.rows("htm", "SELECT FROM htm_progress") == []
