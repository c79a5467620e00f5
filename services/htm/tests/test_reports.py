"""Reports: twice, late, out of order and forged, they never change what they may not."""

import json
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.lifecycle import FINAL, HELD, State
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.progress import Progress, Word
from grace.htm.domain.reports import (
    LONGEST_RESULT,
    Attempted,
    Ending,
    Kind,
    Report,
    Standing,
    lapse_of,
    only_successes,
    settle,
    standing_of,
)
from grace.htm.domain.retry import Backoff, History, Policies, Policy

POLICIES = Policies(Policy(Backoff(timedelta(seconds=1), timedelta(seconds=60), 0.2)))
MINE = Owner("worker", "w1")
TASK = UUID(int=1)


def _task(
    state: State = State.ASSIGNED,
    *,
    attempt: int = 2,
    ending: Ending = Ending.RUNNING,
    most: int = 3,
) -> Attempted:
    return Attempted(TASK, state, MINE, ending, History(attempt, most, 0, 0))


def _report(
    kind: Kind = Kind.COMPLETED,
    *,
    attempt: int = 2,
    owner: Owner = MINE,
    error: str | None = None,
    said: Word | None = None,
) -> Report:
    return Report(TASK, attempt, owner, kind, jitter=0.5, error_class=error, progress=said)


kinds = st.sampled_from(Kind)
reports_ = st.lists(
    st.builds(
        _report,
        kinds,
        attempt=st.integers(1, 3),
        owner=st.sampled_from([MINE, Owner("worker", "w2"), Owner("gateway", "w1")]),
        error=st.sampled_from([None, "transient", "user"]),
        said=st.none() | st.builds(Word, st.integers(0, 3)),
    ),
    max_size=8,
)
tasks_ = st.builds(_task, st.sampled_from(State), ending=st.sampled_from(Ending))


def test_a_completion_is_accepted_before_its_start() -> None:
    settled = settle([_report()], {TASK: _task(State.ASSIGNED)}, policies=POLICIES)
    assert [closing.state for closing in settled.closings] == [State.SUCCEEDED]


def test_a_start_and_its_end_in_one_batch_are_one_change() -> None:
    reports = [_report(Kind.STARTED), _report()]
    settled = settle(reports, {TASK: _task()}, policies=POLICIES)
    assert settled.starts == ()
    assert len(settled.closings) == 1
    assert set(settled.standings) == {Standing.CURRENT}


def test_a_start_after_the_end_is_late() -> None:
    settled = settle([_report(), _report(Kind.STARTED)], {TASK: _task()}, policies=POLICIES)
    assert settled.standings == (Standing.CURRENT, Standing.LATE)


def test_who_runs_says_again_how_far_it_is_and_what_is_behind_changes_nothing() -> None:
    words = (Word(20), Word(50, "copying"), Word(40), Word(50, "copying"), None, Word(50, "rows"))
    reports = [_report(Kind.STARTED, said=word) for word in words]
    settled = settle(reports, {TASK: _task()}, policies=POLICIES)
    assert settled.standings == (
        "current", "current", "behind", "duplicate", "duplicate", "current",
    )  # fmt: skip
    assert settled.starts == (Fence(TASK, 2),)
    assert settled.progress == (Progress(Fence(TASK, 2), MINE, Word(50, "rows")),)


def test_a_start_that_is_behind_a_beat_starts_all_the_same() -> None:
    task = replace(_task(), said=Word(60))
    settled = settle([_report(Kind.STARTED, said=Word(40))], {TASK: task}, policies=POLICIES)
    assert (settled.standings, len(settled.starts)) == ((Standing.CURRENT,), 1)
    assert settled.progress == ()


def test_the_same_end_twice_is_a_duplicate_and_another_end_is_late() -> None:
    reports = [_report(), _report(), _report(Kind.FAILED)]
    settled = settle(reports, {TASK: _task()}, policies=POLICIES)
    assert settled.standings == (Standing.CURRENT, Standing.DUPLICATE, Standing.LATE)


def test_a_completion_after_the_lease_lapsed_is_late() -> None:
    lapsed = _task(State.RETRYING, ending=Ending.LAPSED)
    assert standing_of(_report(), lapsed) is Standing.LATE


def test_an_older_attempt_is_stale_whoever_reports_it() -> None:
    stranger = Owner("worker", "w9")
    assert standing_of(_report(attempt=1, owner=stranger), _task()) is Standing.STALE


def test_another_worker_another_component_and_an_unclaimed_attempt_are_not_the_owner() -> None:
    forged = [
        _report(owner=Owner("worker", "w2")),
        _report(owner=Owner("gateway", "w1")),
        _report(attempt=3),
        _report(attempt=2**32 - 1),
    ]
    standings = {standing_of(each, _task()) for each in forged}
    assert standings == {Standing.NOT_OWNER}


def test_a_task_that_nobody_knows_is_told_apart() -> None:
    assert standing_of(_report(), None) is Standing.UNKNOWN_TASK


def test_a_result_too_large_to_be_answered_is_refused() -> None:
    large = Report(TASK, 2, MINE, Kind.COMPLETED, jitter=0, result_json="x" * (LONGEST_RESULT + 1))
    assert standing_of(large, _task()) is Standing.OVERSIZED


@pytest.mark.parametrize("kind", sorted({*Kind} - {Kind.STARTED}))
@pytest.mark.parametrize(
    "text", ["", "{", "{'a': 1}", '"\x00"', "{} {}", "[" * 100_000], ids=lambda text: text[:9]
)
def test_a_result_that_is_no_json_is_refused(kind: Kind, text: str) -> None:
    bad = Report(TASK, 2, MINE, kind, jitter=0, result_json=text)
    assert not only_successes([bad])
    assert standing_of(bad, _task()) is Standing.BAD_RESULT


@given(value=st.recursive(st.integers() | st.text() | st.none(), st.lists, max_leaves=9))
def test_every_result_that_is_json_is_taken_as_it_is(value: object) -> None:
    said = Report(TASK, 2, MINE, Kind.COMPLETED, jitter=0, result_json=json.dumps(value))
    assert only_successes([said])
    assert standing_of(said, _task()) is Standing.CURRENT


def test_a_number_of_any_length_is_json() -> None:
    said = Report(TASK, 2, MINE, Kind.COMPLETED, jitter=0, result_json="9" * 10_000)
    assert standing_of(said, _task()) is Standing.CURRENT


def test_a_failure_that_may_be_retried_waits_and_keeps_its_reason() -> None:
    report = _report(Kind.FAILED, error="transient")
    (closing,) = settle([report], {TASK: _task()}, policies=POLICIES).closings
    assert (closing.state, closing.delay) == (State.RETRYING, timedelta(seconds=1))
    assert closing.error_class == "transient"


def test_a_timeout_on_the_last_attempt_goes_to_the_dead_letters() -> None:
    last = _task(attempt=3)
    (closing,) = settle(
        [_report(Kind.TIMEOUT, attempt=3)], {TASK: last}, policies=POLICIES
    ).closings
    assert (closing.state, closing.ending) == (State.DEAD_LETTER, Ending.TIMEOUT)


def test_a_lapse_on_the_last_attempt_goes_to_the_dead_letters() -> None:
    closing = lapse_of(_task(attempt=3), policies=POLICIES, jitter=0.5)
    assert (closing.state, closing.ending) == (State.DEAD_LETTER, Ending.LAPSED)
    assert closing.fence == Fence(TASK, 3)


@given(reports=reports_, task=tasks_)
def test_reports_end_an_attempt_at_most_once_and_never_a_final_task(
    reports: list[Report], task: Attempted
) -> None:
    settled = settle(reports, {TASK: task}, policies=POLICIES)
    assert len(settled.closings) <= 1
    assert len(settled.standings) == len(reports)
    if task.state in FINAL or task.state not in HELD:
        assert not settled.closings
        assert not settled.starts
        assert not settled.progress


@given(reports=reports_, task=tasks_)
def test_only_the_owner_of_the_newest_attempt_changes_anything(
    reports: list[Report], task: Attempted
) -> None:
    settled = settle(reports, {TASK: task}, policies=POLICIES)
    for report, standing in zip(reports, settled.standings, strict=True):
        if standing is Standing.CURRENT:
            assert report.owner == task.owner
            assert report.attempt_number == task.history.attempt_number
    for fence in (*(c.fence for c in settled.closings), *(p.fence for p in settled.progress)):
        assert fence == Fence(TASK, task.history.attempt_number)


@given(reports=reports_, task=tasks_)
def test_the_same_batch_again_changes_nothing(reports: list[Report], task: Attempted) -> None:
    settled = settle(reports, {TASK: task}, policies=POLICIES)
    for closing in settled.closings:
        moved = Attempted(TASK, closing.state, task.owner, closing.ending, task.history)
        again = settle(reports, {TASK: moved}, policies=POLICIES)
        assert not again.closings
        assert not again.starts


def test_reports_on_different_tasks_do_not_touch_each_other() -> None:
    other = uuid4()
    tasks = {
        TASK: _task(),
        other: Attempted(other, State.RUNNING, MINE, Ending.RUNNING, History(1, 3, 0, 0)),
    }
    reports = [_report(), Report(other, 1, MINE, Kind.FAILED, jitter=0.5, error_class="user")]
    settled = settle(reports, tasks, policies=POLICIES)
    assert [closing.state for closing in settled.closings] == [State.SUCCEEDED, State.FAILED]
