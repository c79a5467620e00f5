"""A plan of several actions stands or falls as a whole: forward one by one, back in reverse order."""

from dataclasses import replace
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from grace.verification.domain.decision import Attend, Close, UndoWithPlan, Wait
from grace.verification.domain.lifecycle import (
    FINAL,
    Event,
    MissionEvent,
    Status,
    mission_target,
)
from grace.verification.domain.plan import on_proven
from grace.verification.domain.saga import (
    Part,
    Turn,
    completes,
    confidence_of,
    end_of,
    is_broken,
    reason_of,
    turn_of,
)

TRUE = {Status.PROVEN, Status.VERIFIED}
PARTS = st.lists(
    st.tuples(st.sampled_from(list(Status)), st.booleans()), min_size=1, max_size=5
).map(
    lambda found: [
        Part(f"c{n}", n, status, 0.5, accepted=accepted and status is Status.FAILED)
        for n, (status, accepted) in enumerate(found)
    ]
)


def parts(*statuses):
    return [Part(f"c{n}", n, status, reason=f"why {n}") for n, status in enumerate(statuses)]


@settings(max_examples=200)
@given(PARTS)
def test_an_action_acts_only_when_all_earlier_ones_came_true(found):
    for part in found:
        if part.status is Status.PROVEN:
            continue
        earlier = {each.status for each in found if each.sequence < part.sequence}
        expected = Turn.NOW if earlier <= TRUE else Turn.LATER
        assert turn_of(part.sequence, found) is expected


@settings(max_examples=300)
@given(PARTS)
def test_what_came_true_is_undone_in_reverse_order_or_verified_with_the_whole_plan(found):
    for part in found:
        if part.status is not Status.PROVEN:
            continue
        turn = turn_of(part.sequence, found)
        others = [each for each in found if each is not part]
        assert (turn is Turn.NOW) == all(each.status in TRUE for each in others)
        if turn in {Turn.BACK, Turn.STAY, Turn.OPEN}:
            assert is_broken(found)
            assert (turn is Turn.STAY) == any(each.accepted for each in found)
            unjudged = Status.INCONCLUSIVE in {each.status for each in found}
            assert (turn is Turn.OPEN) == (unjudged and turn is not Turn.STAY)
        if turn is Turn.BACK:
            later = [each for each in others if each.sequence > part.sequence]
            assert all(each.status in FINAL for each in later)
    back = [
        p for p in found if p.status is Status.PROVEN and turn_of(p.sequence, found) is Turn.BACK
    ]
    assert len(back) <= 1


def test_a_broken_plan_goes_back_one_by_one_to_its_end():
    found = parts(Status.PROVEN, Status.PROVEN, Status.FAILED)
    order = []
    while end_of(found) is None:
        (back,) = [
            p
            for p in found
            if p.status is Status.PROVEN and turn_of(p.sequence, found) is Turn.BACK
        ]
        order.append(back.sequence)
        found[back.sequence] = replace(back, status=Status.ROLLED_BACK)
    assert order == [1, 0]
    assert end_of(found) is MissionEvent.FAIL


def test_an_action_that_is_the_last_to_come_true_completes_the_plan():
    assert completes(1, parts(Status.PROVEN, Status.MEASURING))
    assert completes(0, parts(Status.MEASURING))
    assert not completes(0, parts(Status.MEASURING, Status.APPROVED))


@given(PARTS)
def test_a_mission_is_verified_exactly_when_all_its_actions_are(found):
    all_verified = all(part.status is Status.VERIFIED for part in found)
    assert (end_of(found) is MissionEvent.VERIFY) == all_verified


@given(PARTS)
def test_a_mission_ends_exactly_when_all_its_actions_have(found):
    if Status.REJECTED not in {part.status for part in found}:
        assert (end_of(found) is not None) == all(part.status in FINAL for part in found)


def test_the_worst_end_of_an_action_is_the_missions():
    worst_first = [
        Status.ROLLBACK_FAILED, Status.FAILED, Status.INCONCLUSIVE, Status.ROLLED_BACK,
        Status.BLOCKED, Status.EXPIRED, Status.CANCELLED,
    ]  # fmt: skip
    for one, other in product(worst_first, worst_first):
        event = end_of(parts(one, other))
        assert event is not None
        worst = min(one, other, key=worst_first.index)
        assert mission_target(event).value == worst.value


def test_where_something_stays_a_plan_that_did_not_come_true_has_failed():
    for bad in (Status.BLOCKED, Status.ROLLED_BACK, Status.EXPIRED, Status.CANCELLED):
        assert end_of(parts(Status.VERIFIED, bad)) is MissionEvent.FAIL
    assert end_of(parts(Status.VERIFIED, Status.INCONCLUSIVE)) is MissionEvent.LEAVE_OPEN


def test_a_mission_says_why_it_failed_and_not_what_was_undone_with_it():
    assert reason_of(parts(Status.ROLLED_BACK, Status.BLOCKED, Status.CANCELLED)) == "why 1"
    assert reason_of(parts(Status.ROLLED_BACK, Status.ROLLED_BACK)) == "why 0"
    assert reason_of(parts(Status.VERIFIED)) is None


def test_a_mission_without_actions_never_counts_as_verified():
    assert end_of([]) is None


def test_a_mission_is_as_confident_as_its_weakest_action():
    found = [
        Part("a", 0, Status.VERIFIED, 1.0),
        Part("b", 1, Status.ROLLED_BACK, 0.5),
        Part("c", 2, Status.CANCELLED, 0.0),
    ]
    assert confidence_of(found) == 0.5
    assert confidence_of([]) == 0.0


class TestProven:
    def proven(self, make, turn, **changes):
        return on_proven(make.facts(Status.PROVEN, turn=turn, snapshot=make.snapshot(), **changes))

    def test_it_is_verified_with_the_whole_plan(self, make):
        decision = self.proven(make, Turn.NOW)
        assert isinstance(decision, Close)
        assert decision.event is Event.VERIFY

    def test_it_waits_while_the_plan_goes_on(self, make):
        assert self.proven(make, Turn.LATER) == Wait()

    def test_it_is_undone_with_a_broken_plan(self, make):
        decision = self.proven(make, Turn.BACK)
        assert isinstance(decision, UndoWithPlan)
        assert decision.wanted.before == make.snapshot().before

    def test_what_cannot_be_undone_stays_and_says_so(self, make):
        decision = self.proven(make, Turn.BACK, permitted_to_revert=False)
        assert decision.event is Event.VERIFY
        assert "cannot be undone" in decision.reason

    def test_what_a_person_accepted_is_not_undone(self, make):
        assert self.proven(make, Turn.STAY).event is Event.VERIFY

    def test_what_a_later_action_stands_on_that_could_not_be_judged_stays(self, make):
        decision = self.proven(make, Turn.OPEN)
        assert decision.event is Event.VERIFY
        assert "could not be judged" in decision.reason

    def test_without_its_snapshot_it_rests_for_a_person(self, make):
        for snapshot in (None, replace(make.snapshot(), before="")):
            facts = make.facts(Status.PROVEN, turn=Turn.BACK, snapshot=snapshot)
            assert isinstance(on_proven(facts), Attend)
