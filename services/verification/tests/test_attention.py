"""What a person may choose where a contract rests, and what follows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from grace.verification.domain.attention import objection, on_chosen
from grace.verification.domain.choice import Choice, Chosen
from grace.verification.domain.decision import Close, RetryRevert
from grace.verification.domain.lifecycle import Event, Status, after
from grace.verification.domain.task import Step

NOW = datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)


def resting(make, step=Step.REVERT, **changes):
    facts = make.facts(Status.NEEDS_ATTENTION, step=step, snapshot=make.snapshot())
    return replace(facts, **changes)


def objected(facts, choice, *, left=timedelta(0)):
    return objection(facts, choice, revert_until=NOW + left, now=NOW)


def chosen(choice):
    return Chosen(choice, "alice", "it is so")


def test_what_is_accepted_has_failed_and_says_who_and_why(make):
    decision = on_chosen(resting(make), chosen(Choice.ACCEPT))
    assert decision == Close(Event.FAIL, "accept by alice: it is so")


@pytest.mark.parametrize(
    ("step", "event"),
    [
        (None, Event.FAIL),
        (Step.APPLY, Event.FAIL),
        (Step.MEASURE, Event.FAIL_ROLLBACK),
        (Step.REVERT, Event.FAIL_ROLLBACK),
        (Step.COMPARE, Event.FAIL_ROLLBACK),
        (Step.RESTORED, Event.FAIL_ROLLBACK),
        (Step.REMEASURE, Event.FAIL_ROLLBACK),
    ],
)
def test_what_is_given_up_that_was_to_be_undone_is_a_failed_rollback(make, step, event):
    decision = on_chosen(resting(make, step), chosen(Choice.CLOSE))
    assert isinstance(decision, Close)
    assert decision.event is event


def test_a_revert_is_tried_again_as_another_task_from_the_same_states(make):
    facts = resting(make, reverts=1)
    decision = on_chosen(facts, chosen(Choice.RETRY_REVERT))
    assert isinstance(decision, RetryRevert)
    assert decision.wanted.key.endswith(":revert:2")
    assert (decision.wanted.before, decision.wanted.after) == (
        facts.snapshot.before,
        facts.snapshot.after,
    )


@pytest.mark.parametrize("choice", Choice)
def test_no_choice_is_a_success(make, choice):
    decision = on_chosen(resting(make), chosen(choice))
    assert after(Status.NEEDS_ATTENTION, decision.event) in {
        Status.FAILED,
        Status.ROLLBACK_FAILED,
        Status.REVERTING,
    }


def test_what_cannot_be_undone_cannot_be_tried_again(make):
    assert objected(resting(make), Choice.RETRY_REVERT) is None
    altered = replace(make.snapshot(), before="")
    for facts in (
        resting(make, permitted_to_revert=False),
        resting(make, snapshot=None),
        resting(make, snapshot=altered),
    ):
        assert objected(facts, Choice.RETRY_REVERT)
        assert objected(facts, Choice.ACCEPT) is None
    gone = on_chosen(resting(make, snapshot=altered), chosen(Choice.RETRY_REVERT))
    assert isinstance(gone, Close)
    assert gone.event is Event.FAIL_ROLLBACK


def test_a_revert_whose_permission_is_over_is_not_promised(make):
    over = objected(resting(make), Choice.RETRY_REVERT, left=timedelta(seconds=-1))
    assert "ended at 2026-11-20 12:00 UTC: undo it by hand" in str(over)
    for choice in (Choice.ACCEPT, Choice.CLOSE):
        assert objected(resting(make), choice, left=timedelta(seconds=-1)) is None
    assert objection(resting(make), Choice.RETRY_REVERT, revert_until=None, now=NOW)


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.NEEDS_ATTENTION])
def test_nobody_decides_about_what_does_not_rest(make, status):
    for choice in Choice:
        assert objected(make.facts(status, snapshot=make.snapshot()), choice)
