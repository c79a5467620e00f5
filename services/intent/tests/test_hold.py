"""Why a mission waits: answered in vain, too often, too lately."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.intent.domain.document import parse_playbook
from grace.intent.domain.hold import (
    ACTED,
    LOOK,
    Cause,
    Earlier,
    Hold,
    Limits,
    Past,
    hold_of,
    stale,
)
from grace.intent.domain.intent import ENDS
from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import Playbook, Threshold

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMITS = Limits(flap=Threshold(5, timedelta(minutes=10)), cooldown=timedelta(minutes=1), loop=3)
MakePlaybook = Callable[..., Playbook]


def earlier(
    ago: float, outcome: str | None = None, *, released: bool = False, version: int = 1
) -> Earlier:
    """Return a mission captured so many seconds ago."""
    return Earlier(NOW - timedelta(seconds=ago), "mend-it", version, outcome, released)


def ends(*outcomes: str) -> tuple[Earlier, ...]:
    """Return this mission and ended ones, newest first, an hour apart."""
    return (earlier(0), *(earlier(3600 * n, each) for n, each in enumerate(outcomes, start=1)))


def test_three_ends_without_improvement_stop_and_ask(make_playbook: MakePlaybook) -> None:
    past = Past(ends("failed", "rolled_back", "inconclusive"))
    hold = hold_of(make_playbook(), past, LIMITS, now=NOW)
    assert hold is not None
    assert (hold.cause, hold.until) == (Cause.LOOP, None)
    assert "mend-it 1 acted 3 times in a row without improvement" in hold.reason
    assert "(inconclusive, rolled_back, failed)" in hold.reason


@pytest.mark.parametrize(
    "outcomes",
    [
        ("failed", "failed"),
        ("failed", "verified", "failed", "failed"),
        ("rejected", "expired", "cancelled", "blocked"),
    ],
    ids=["twice only", "it helped in between", "it never acted"],
)
def test_fewer_or_better_ends_do_not_stop(
    make_playbook: MakePlaybook, outcomes: tuple[str, ...]
) -> None:
    assert hold_of(make_playbook(), Past(ends(*outcomes)), LIMITS, now=NOW) is None


OLD = {"last_issued_at": NOW - timedelta(hours=24, seconds=1)}


def aged(make_mission: Callable[..., Mission], **changes: object) -> Hold | str | None:
    return stale(replace(make_mission(), **(OLD | changes)), LIMITS, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"last_issued_at": NOW - timedelta(hours=24)},
        {"last_issued_at": None},
        {"intent_id": "intent-1"},
        {"released_at": NOW - timedelta(hours=24)},
    ],
    ids=["just in time", "of an older version", "a wish, no report", "a person wants it"],
)
def test_a_report_that_is_young_enough_is_answered(
    make_mission: Callable[..., Mission], changes: dict[str, object]
) -> None:
    assert aged(make_mission, **changes) is None


def test_what_is_reported_again_and_again_is_given_up_once_its_report_is_old(
    make_mission: Callable[..., Mission],
) -> None:
    told = "its last report is 24 hours old, and what it tells of may be over: who reported it 3 times will do so"
    for released in (None, NOW - timedelta(hours=25)):
        found = aged(make_mission, signal_count=3, released_at=released)
        assert isinstance(found, str)
        assert found.startswith(told)


@pytest.mark.parametrize(
    "changes",
    [
        {"signal_count": 1},
        {"signal_count": 3, "source": LOOK},
        {"signal_count": 1, "released_at": NOW - timedelta(hours=25)},
    ],
    ids=["reported once", "found by a late look", "released long ago"],
)
def test_what_nobody_reports_again_waits_for_a_person_for_as_long_once_more(
    make_mission: Callable[..., Mission], changes: dict[str, object]
) -> None:
    found = aged(make_mission, **changes)
    assert isinstance(found, Hold)
    assert (found.cause, found.until) == (Cause.STALE, NOW + timedelta(hours=24))
    held = changes | {"hold": "stale"}
    later = aged(make_mission, held_until=NOW + timedelta(seconds=1), **held)
    assert isinstance(later, Hold)
    assert later.until == NOW + timedelta(seconds=1)  # looked at again meanwhile, it gets no more
    given_up = aged(make_mission, held_until=NOW, **held)
    assert isinstance(given_up, str)
    assert "nobody has released it within 1 day" in given_up
    # What waited for something else has not waited for this.
    thawed = aged(make_mission, held_until=NOW, **(changes | {"hold": "freeze"}))
    assert isinstance(thawed, Hold)


def test_what_a_later_look_took_back_did_not_help(make_playbook: MakePlaybook) -> None:
    now, first, *others = ends("verified", "rolled_back", "verified")
    others[-1] = replace(others[-1], reopened=True)
    assert hold_of(make_playbook(), Past((now, first, *others)), LIMITS, now=NOW) is None
    told = (now, replace(first, reopened=True), *others)
    unheard = (replace(now, by_look=True), first, *others)  # the look's error overtook its word
    for missions in (told, unheard):
        hold = hold_of(make_playbook(), Past(missions), LIMITS, now=NOW)
        assert hold is not None
        assert hold.cause is Cause.LOOP
        assert "(verified, then reopened, rolled_back, verified, then reopened)" in hold.reason


def test_the_error_of_a_look_says_nothing_of_older_ends(make_playbook: MakePlaybook) -> None:
    now, *old = ends("failed", "verified", "failed")
    missions = (replace(now, by_look=True), *old)
    assert hold_of(make_playbook(), Past(missions), LIMITS, now=NOW) is None
    assert hold_of(make_playbook(), Past(missions[:1]), LIMITS, now=NOW) is None


def test_what_people_refused_neither_counts_nor_ends_a_row(make_playbook: MakePlaybook) -> None:
    past = Past(ends("failed", "rejected", "failed", "cancelled", "failed"))
    hold = hold_of(make_playbook(), past, LIMITS, now=NOW)
    assert hold is not None
    assert hold.cause is Cause.LOOP


def test_a_changed_playbook_is_another_action(make_playbook: MakePlaybook) -> None:
    old = tuple(earlier(n * 3600, "failed", version=2) for n in (1, 2, 3))
    assert hold_of(make_playbook(), Past((earlier(0), *old)), LIMITS, now=NOW) is None


def test_a_release_begins_the_count_anew(make_playbook: MakePlaybook) -> None:
    old = ends("failed", "failed", "failed")[1:]
    released = earlier(1800, "failed", released=True)
    past = Past((earlier(0), released, *old))
    assert hold_of(make_playbook(), past, LIMITS, now=NOW) is None
    past = Past((earlier(0), earlier(60, "failed"), earlier(90, "failed"), released, *old))
    assert hold_of(make_playbook(), past, LIMITS, now=NOW) is not None


def test_who_came_back_too_often_waits_until_its_rate_has_fallen(
    make_playbook: MakePlaybook,
) -> None:
    missions = tuple(earlier(60 * n) for n in range(6))  # this one and five before it
    hold = hold_of(make_playbook(), Past(missions), LIMITS, now=NOW)
    assert hold is not None
    assert hold.cause is Cause.FLAPPING
    assert hold.until == NOW - timedelta(minutes=5) + timedelta(minutes=10)
    assert "came back 5 times within 0:10:00" in hold.reason
    assert hold_of(make_playbook(), Past(missions[:5]), LIMITS, now=NOW) is None
    assert hold_of(make_playbook(), Past(missions), LIMITS, now=hold.until) is None


def test_a_target_rests_after_it_was_acted_on(make_playbook: MakePlaybook) -> None:
    ended = NOW - timedelta(seconds=20)
    hold = hold_of(make_playbook(), Past((earlier(0),), ended), LIMITS, now=NOW)
    assert hold is not None
    assert (hold.cause, hold.until) == (Cause.COOLDOWN, ended + timedelta(minutes=1))
    assert hold_of(make_playbook(), Past((earlier(0),), ended), LIMITS, now=hold.until) is None


def test_a_playbook_may_have_limits_of_its_own(mend_it: str) -> None:
    own = mend_it.replace("steps:", "  cooldown: 10m\n  flap: {count: 2, within: 1h}\nsteps:", 1)
    playbook = parse_playbook(own.encode())
    past = Past((earlier(0), earlier(1200), earlier(2400)), NOW - timedelta(minutes=5))
    hold = hold_of(playbook, past, LIMITS, now=NOW)
    assert hold is not None
    assert (hold.cause, hold.until) == (Cause.FLAPPING, NOW + timedelta(minutes=20))
    hold = hold_of(playbook, Past((earlier(0),), past.target_ended_at), LIMITS, now=NOW)
    assert hold is not None
    assert hold.until == NOW + timedelta(minutes=5)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 7200), st.sampled_from([None, *sorted(ENDS)]), st.booleans())
    ),
    st.none() | st.integers(0, 7200),
)
def test_a_hold_ends_after_now_or_by_a_person_and_passes_by_itself(
    history: list[tuple[int, str | None, bool]], ended: int | None
) -> None:
    playbook = _PLAYBOOK
    missions = tuple(
        earlier(ago, how, released=freed)
        for ago, how, freed in sorted(history, key=lambda each: each[0])
    )
    at = None if ended is None else NOW - timedelta(seconds=ended)
    hold = hold_of(playbook, Past(missions, at), LIMITS, now=NOW)
    if hold is not None and hold.until is None:
        assert sum(one.outcome in ACTED - {"verified"} for one in missions) >= LIMITS.loop
    elif hold is not None and hold.until is not None:
        assert hold.until > NOW
        later = hold_of(playbook, Past(missions, at), LIMITS, now=hold.until)
        assert later is None or later.cause is not hold.cause


_PLAYBOOK = parse_playbook(
    b"playbook: mend-it\nversion: 1\ntrigger:\n  condition: kind == 'a'\nsteps:\n"
    b"  - action: {operation: a.b, params: {}}\n    measurement: {operation: a.c, params: {}}\n"
    b"    expectations: [{field: f, comparison: at_most, value: 0}]\n"
)
