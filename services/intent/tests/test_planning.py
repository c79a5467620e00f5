from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import (
    MAX_REASON,
    NO_TARGET,
    Answer,
    Answers,
    Blocked,
    Postponed,
    Question,
    Ready,
    Silence,
    decide,
    is_contested,
    questions,
    rank,
    retry_after,
    shortlist,
)
from grace.intent.domain.playbook import Playbook

MakeMission = Callable[..., Mission]
MakePlaybook = Callable[..., Playbook]

ACTS = Answer(
    valid=True,
    problems=(),
    kernel="thing",
    tier=2,
    reversible=True,
    observes_only=False,
    timeout_ms=30_000,
)
LOOKS = replace(ACTS, observes_only=True, timeout_ms=9_000)
SILENT = Silence("nobody answers rpc.worker.validate")
MEND = Question("thing.mend", "t-1", '{"a":[1,null,true,"x"],"b":2}')
LOOK = Question("thing.look", "t-1", "{}")


def _answers(mend: Answer | Silence = ACTS, look: Answer | Silence = LOOKS) -> Answers:
    return {MEND: mend, LOOK: look}


def test_the_playbook_whose_rule_holds_is_on_the_shortlist(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    answering, other = make_playbook("a"), make_playbook("b", 'kind == "other"')
    assert shortlist(make_mission(), [answering, other]).playbooks == (answering,)


def test_a_rule_that_cannot_be_tried_is_told_and_does_not_hold(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    doubtful = make_playbook("a", 'target == "x" || int(target) > 3')
    found = shortlist(make_mission(), [doubtful, make_playbook("b")])
    assert [playbook.name for playbook in found.playbooks] == ["b"]
    assert found.doubts[0].startswith("the rule of a has no answer: ")


def test_priority_goes_first_then_the_proven_record_then_the_name(
    make_playbook: MakePlaybook,
) -> None:
    low, b, c, high = (
        make_playbook("a"),
        make_playbook("b", priority=1),
        make_playbook("c", priority=1),
        make_playbook("d", priority=2),
    )
    names = [playbook.name for playbook in rank([low, c, b, high], {"c": 0.9, "b": 0.1, "a": 1})]
    assert names == ["d", "c", "b", "a"]
    assert [playbook.name for playbook in rank([c, b], {})] == ["b", "c"]
    # Once failed is worse than never tried, once held is better.
    assert [playbook.name for playbook in rank([c, b], {"b": 0.025})] == ["c", "b"]
    assert [playbook.name for playbook in rank([c, b], {"c": 0.22})] == ["c", "b"]


def test_only_the_same_priority_is_contested(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    a, b, first = make_playbook("a"), make_playbook("b"), make_playbook("c", priority=1)
    assert is_contested(shortlist(make_mission(), [a, b]))
    assert not is_contested(shortlist(make_mission(), [a, first]))
    assert not is_contested(shortlist(make_mission(), [a]))
    assert not is_contested(shortlist(make_mission(), []))


def test_the_action_and_its_measurement_are_both_asked_for(make_playbook: MakePlaybook) -> None:
    assert questions([make_playbook()], "t-1") == {MEND, LOOK}


def test_a_plan_is_ready_when_both_are_valid(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    playbook = make_playbook()
    decision = decide(make_mission(), shortlist(make_mission(), [playbook]), _answers())
    assert isinstance(decision, Ready)
    assert decision.playbook == playbook
    (step,) = decision.steps
    assert (step.step, step.action, step.measurement) == (playbook.steps[0], ACTS, LOOKS)


@pytest.mark.parametrize(
    ("mend", "look", "reason"),
    [
        (replace(ACTS, valid=False, problems=("unknown target t-1",)), LOOKS, "thing.mend: unknown target t-1"),
        (replace(ACTS, valid=False), LOOKS, "thing.mend: it is not valid"),
        (replace(ACTS, problems=("odd",)), LOOKS, "thing.mend: odd"),
        (ACTS, replace(LOOKS, valid=False, problems=("x", "y")), "thing.look: x; thing.look: y"),
        (ACTS, replace(LOOKS, observes_only=False), "thing.look: it does not only observe"),
        (LOOKS, LOOKS, "thing.mend: it only observes, so it changes nothing"),
        (replace(ACTS, kernel=""), LOOKS, "thing.mend: the worker does not say what it is"),
        (replace(ACTS, tier=0), LOOKS, "thing.mend: the worker does not say what it is"),
        (replace(ACTS, tier=4), LOOKS, "thing.mend: the worker does not say what it is"),
        (ACTS, replace(LOOKS, timeout_ms=0), "thing.look: the worker does not say what it is"),
        (SILENT, replace(LOOKS, valid=False, problems=("x",)), "thing.look: x"),
        (Answer.refusing("too long"), LOOKS, "thing.mend: too long"),
    ],
)  # fmt: skip
def test_what_cannot_run_is_blocked_with_the_reason(
    make_mission: MakeMission,
    make_playbook: MakePlaybook,
    mend: Answer | Silence,
    look: Answer,
    reason: str,
) -> None:
    found = shortlist(make_mission(), [make_playbook()])
    decision = decide(make_mission(), found, _answers(mend, look))
    assert isinstance(decision, Blocked)
    assert reason in decision.reason
    assert decision.reason.startswith("mend-it: ")


@pytest.mark.parametrize(("mend", "look"), [(SILENT, LOOKS), (ACTS, SILENT), (SILENT, SILENT)])
def test_silence_postpones_and_decides_nothing(
    make_mission: MakeMission, make_playbook: MakePlaybook, mend: Answer | Silence, look: Answer
) -> None:
    found = shortlist(make_mission(), [make_playbook()])
    decision = decide(make_mission(), found, _answers(mend, look))
    assert decision == Postponed("mend-it: nobody answers rpc.worker.validate")


def test_an_error_that_no_playbook_answers_is_blocked(make_mission: MakeMission) -> None:
    found = shortlist(make_mission(), [])
    assert decide(make_mission(), found, {}) == Blocked(
        "no playbook answers thing.broken; none is for a kind by its name"
    )


def test_a_mission_without_a_playbook_says_which_kinds_have_one(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    rules = {
        "a": 'kind == "db.slow" && severity == "error"',
        "b": "kind in ['db.full', 'web.slow'] && source != \"tests\"",
        "c": 'kind == "db.gone" && target == "elsewhere"',
        "d": "kind == source",
    }
    mission = make_mission(kind="db")
    found = shortlist(mission, [make_playbook(name, rule) for name, rule in rules.items()])
    assert found.answered == ("db.full", "db.slow", "web.slow")
    decision = decide(mission, found, {})
    assert isinstance(decision, Blocked)
    assert decision.reason == (
        "no playbook answers db; domain db has one for db.full, db.slow; "
        "domain web has one for web.slow"
    )


def test_an_intent_without_a_target_is_blocked_though_a_playbook_answers_its_kind(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    mission = make_mission(target=None)
    found = shortlist(mission, [make_playbook()])
    assert questions(found.playbooks, "") == frozenset()
    assert decide(mission, found, {}) == Blocked(NO_TARGET)


def test_the_second_best_runs_when_the_best_cannot(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    best = make_playbook("best", priority=1)
    best = replace(best, steps=(replace(best.steps[0], action=best.steps[0].measurement),))
    found = shortlist(make_mission(), [make_playbook("second"), best])
    decision = decide(make_mission(), found, _answers())
    assert isinstance(decision, Ready)
    assert decision.playbook.name == "second"


def test_an_outage_does_not_choose_the_second_best(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    best = make_playbook("best", priority=1)
    other = replace(best.steps[0].action, operation="other.mend")
    best = replace(best, steps=(replace(best.steps[0], action=other),))
    found = shortlist(make_mission(), [make_playbook("second"), best])
    answers = {**_answers(), Question("other.mend", "t-1", MEND.params): SILENT}
    assert isinstance(decide(make_mission(), found, answers), Postponed)


def test_a_long_list_of_problems_is_cut(
    make_mission: MakeMission, make_playbook: MakePlaybook
) -> None:
    endless = replace(ACTS, valid=False, problems=("p" * 4000,) * 10)
    decision = decide(
        make_mission(), shortlist(make_mission(), [make_playbook()]), _answers(endless)
    )
    assert isinstance(decision, Blocked)
    assert len(decision.reason) == MAX_REASON


@given(message=st.text(), source=st.text(), severity=st.text())
def test_nothing_that_an_error_says_reaches_a_parameter(
    make_mission: MakeMission,
    make_playbook: MakePlaybook,
    message: str,
    source: str,
    severity: str,
) -> None:
    error = make_mission(message=message, source=source, severity=severity)
    decision = decide(error, shortlist(error, [make_playbook()]), _answers())
    assert isinstance(decision, Ready)
    assert decision.steps[0].step.action.params == MEND.params


ANY_ANSWER = st.one_of(
    st.just(SILENT),
    st.builds(
        Answer,
        valid=st.booleans(),
        problems=st.lists(st.text(max_size=5), max_size=2).map(tuple),
        kernel=st.sampled_from(["", "thing", "two words"]),
        tier=st.integers(0, 4),
        reversible=st.booleans(),
        observes_only=st.booleans(),
        timeout_ms=st.integers(0, 2),
    ),
)


@given(mend=ANY_ANSWER, look=ANY_ANSWER)
def test_a_plan_is_ready_only_when_both_were_answered_and_valid(
    make_mission: MakeMission,
    make_playbook: MakePlaybook,
    mend: Answer | Silence,
    look: Answer | Silence,
) -> None:
    found = shortlist(make_mission(), [make_playbook()])
    decision = decide(make_mission(), found, _answers(mend, look))
    sound = (
        isinstance(mend, Answer)
        and isinstance(look, Answer)
        and all(each.valid and not each.problems and each.timeout_ms for each in (mend, look))
        and not mend.observes_only
        and look.observes_only
        and mend.kernel == "thing"
        and 1 <= mend.tier <= 3
    )
    assert isinstance(decision, Ready) == sound
    assert not isinstance(decision, Postponed) or SILENT in (mend, look)


@given(st.integers(1, 10**6))
def test_retries_wait_longer_and_longer_up_to_a_minute(attempt: int) -> None:
    wait, following = retry_after(attempt), retry_after(attempt + 1)
    assert timedelta(seconds=1) <= wait <= following <= timedelta(minutes=1)
    assert wait == following or following <= 2 * wait


def test_the_first_retries_come_after_1_2_and_4_seconds() -> None:
    assert [retry_after(n).total_seconds() for n in (1, 2, 3, 7)] == [1, 2, 4, 60]
