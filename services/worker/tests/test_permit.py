"""The kill switch: silence stops applies, reverts go on unless told otherwise."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from grace.worker.domain.capability import Step
from grace.worker.domain.permit import (
    FRESH_SECONDS,
    OLDEST_SECONDS,
    Heard,
    Permit,
    Word,
    may_begin,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
permits = st.builds(
    Permit,
    version=st.integers(0, 3),
    allowed=st.booleans(),
    reverts_allowed=st.booleans(),
    issued_at=st.integers(0, 5).map(lambda s: NOON + timedelta(seconds=s)),
    heard_at=st.floats(0, 100),
)
seconds = st.floats(0, 200, allow_nan=False)


@given(st.one_of(st.none(), permits), seconds, seconds, seconds)
def test_an_apply_begins_only_with_a_fresh_permit_and_enough_lease(
    permit: Permit | None, now: float, lease_left: float, timeout: float
) -> None:
    why = may_begin(Step.APPLY, permit, now=now, lease_left=lease_left, timeout=timeout)
    fresh = permit is not None and permit.allowed and now - permit.heard_at <= FRESH_SECONDS
    assert (why is None) == (fresh and lease_left >= timeout)


@given(st.one_of(st.none(), permits), seconds, seconds, seconds)
def test_a_revert_begins_unless_the_last_word_forbids_it(
    permit: Permit | None, now: float, lease_left: float, timeout: float
) -> None:
    why = may_begin(Step.REVERT, permit, now=now, lease_left=lease_left, timeout=timeout)
    assert (why is None) == (permit is None or permit.reverts_allowed)


@given(st.one_of(st.none(), permits), seconds)
def test_observing_needs_no_permit(permit: Permit | None, now: float) -> None:
    assert may_begin(Step.OBSERVE, permit, now=now, lease_left=0, timeout=30) is None


def at(second: float, **how: Any) -> Permit:
    """What governance said in that second of its clock, heard in that second of ours."""
    said = {"version": 1, "allowed": True, "reverts_allowed": True, "heard_at": second}
    return Permit(**(said | {"issued_at": NOON + timedelta(seconds=second)} | how))


VOUCHED = Heard().asked(Word(at(0, version=2)))


@given(st.lists(permits))
def test_nothing_counts_before_governance_itself_has_answered(beacons: list[Permit]) -> None:
    heard = Heard()
    for beacon in beacons:
        heard = heard.hear(beacon)
    assert heard == Heard()


@given(permits, st.lists(permits))
def test_an_older_beacon_never_replaces_a_newer_one(first: Permit, beacons: list[Permit]) -> None:
    heard = Heard().asked(Word(first))
    for beacon in beacons:
        before, heard = heard.permit, heard.hear(beacon)
        assert before is not None
        assert heard.permit is not None
        assert heard.permit.version >= before.version
        assert heard.permit.issued_at >= before.issued_at


@given(permits, st.floats(0, 100))
def test_a_beacon_sent_again_does_not_stay_fresh(permit: Permit, later: float) -> None:
    heard = Heard().asked(Word(permit))
    assert heard.hear(replace(permit, heard_at=later)) is heard


@given(st.floats(0.1, 3600), st.floats(0, 3600))
def test_what_was_recorded_is_of_now_for_two_seconds_and_never_again(
    said: float, kept: float
) -> None:
    """Whatever was missed meanwhile: nobody heard it, and it is newer than the last word."""
    beacon = at(said, version=2, heard_at=said + kept)
    heard = VOUCHED.hear(beacon)
    assert (heard.permit is beacon) == (VOUCHED.word.age_of(beacon) <= OLDEST_SECONDS)
    if kept > OLDEST_SECONDS + 0.001:
        assert heard is VOUCHED


def test_what_is_of_a_time_to_come_counts_for_nothing_until_governance_is_asked_again() -> None:
    """A clock that was set: its beacons do not fit the answer of before."""
    ahead = at(100, version=2, heard_at=1)
    assert VOUCHED.hear(ahead) is VOUCHED
    asked = VOUCHED.asked(Word(at(100.1, version=2, heard_at=1.1)))
    after = at(101, version=2, heard_at=2)
    assert asked.hear(after).permit is after
    back = VOUCHED.asked(Word(at(-50, version=2, heard_at=3)))
    assert back.permit == at(-50, version=2, heard_at=3)


def test_an_answer_of_an_older_version_changes_nothing() -> None:
    assert VOUCHED.asked(Word(at(5, version=1))) is VOUCHED
