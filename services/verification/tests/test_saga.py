from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.lifecycle import FINAL, MissionEvent, Status, mission_target
from grace.verification.domain.saga import Part, Turn, confidence_of, end_of, turn_of

PARTS = st.lists(st.sampled_from(list(Status)), min_size=1, max_size=5).map(
    lambda found: [Part(f"c{n}", n, status, 0.5) for n, status in enumerate(found)]
)


@given(PARTS)
def test_an_action_acts_only_when_all_earlier_ones_are_verified(parts):
    for part in parts:
        earlier = [each.status for each in parts if each.sequence < part.sequence]
        expected = Turn.NOW if set(earlier) <= {Status.VERIFIED} else Turn.LATER
        assert turn_of(part.sequence, parts) is expected


@given(PARTS)
def test_a_mission_is_verified_exactly_when_all_its_actions_are(parts):
    all_verified = all(part.status is Status.VERIFIED for part in parts)
    assert (end_of(parts) is MissionEvent.VERIFY) == all_verified


@given(PARTS)
def test_a_mission_whose_actions_all_ended_has_ended(parts):
    if all(part.status in FINAL - {Status.REJECTED} for part in parts):
        assert end_of(parts) is not None


def test_the_first_action_that_did_not_hold_names_the_end():
    bad = [status for status in FINAL if status not in {Status.VERIFIED, Status.REJECTED}]
    for first, second in product(bad, bad):
        parts = [Part("b", 1, second), Part("a", 0, first)]
        event = end_of(parts)
        assert event is not None
        assert mission_target(event).value == first.value


def test_a_mission_without_actions_never_counts_as_verified():
    assert end_of([]) is None


def test_a_mission_is_as_confident_as_its_weakest_action():
    parts = [
        Part("a", 0, Status.VERIFIED, 1.0),
        Part("b", 1, Status.ROLLED_BACK, 0.5),
        Part("c", 2, Status.CANCELLED, 0.0),
    ]
    assert confidence_of(parts) == 0.5
    assert confidence_of([]) == 0.0
