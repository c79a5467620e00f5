"""The kill switch: silence stops applies, reverts go on unless told otherwise."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.worker.domain.capability import Step
from grace.worker.domain.permit import FRESH_SECONDS, Permit, hear, may_begin

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


@given(st.lists(permits, min_size=1))
def test_an_older_beacon_never_replaces_a_newer_one(beacons: list[Permit]) -> None:
    last: Permit | None = None
    for beacon in beacons:
        before, last = last, hear(last, beacon)
        if before is not None:
            assert (last.version, last.issued_at) >= (before.version, before.issued_at)


@given(permits, st.floats(0, 100))
def test_a_beacon_sent_again_does_not_stay_fresh(permit: Permit, later: float) -> None:
    again = Permit(permit.version, permit.allowed, permit.reverts_allowed, permit.issued_at, later)
    assert hear(permit, again) is permit
