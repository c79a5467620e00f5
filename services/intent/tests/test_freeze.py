"""Change freezes: calendar windows, in the time of the place they are for."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.intent.domain.freeze import (
    DAYS,
    Freeze,
    Mode,
    TargetClass,
    Weekly,
    freeze_hold,
    open_until,
)
from grace.intent.domain.hold import Cause, Hold

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)  # a Friday
CLASSES = {"shop": TargetClass("postgres", "production"), "toy": TargetClass("postgres", "test")}


def freeze(**other: object) -> Freeze:
    """Return a freeze of everything until tomorrow."""
    facts = {"reason": "fair", "mode": Mode.WAIT, "ends_at": NOON + timedelta(days=1)}
    return Freeze(**({"freeze_id": "freeze-1", "tenant_id": "default"} | facts | other))  # type: ignore[arg-type]


def weekly(begins: str, ends: str, *days: str, zone: str = "Europe/Berlin") -> Freeze:
    """Return a freeze that comes back every week."""
    week = Weekly(zone, frozenset(days), time.fromisoformat(begins), time.fromisoformat(ends))
    return freeze(ends_at=None, weekly=week)


def berlin(text: str) -> datetime:
    """Return a moment as clocks in Berlin show it."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def held(*freezes: Freeze, target: str = "shop", known: bool = True) -> Hold | None:
    """Ask for a target at noon."""
    classes = CLASSES if known else {}
    return freeze_hold(freezes, tenant="default", target=target, classes=classes, now=NOON)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-11-20T21:59", None),
        ("2026-11-20T22:00", "2026-11-21T06:00"),
        ("2026-11-21T05:59", "2026-11-21T06:00"),
        ("2026-11-21T06:00", None),
        ("2026-11-21T22:30", None),
        ("2026-03-28T23:00", None),
        ("2026-10-23T23:00", "2026-10-24T06:00"),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(now: str, until: str | None) -> None:
    end = open_until(weekly("22:00", "06:00", "fri"), berlin(now).astimezone(UTC))
    assert end == (until and berlin(until))


def test_clocks_that_are_changed_make_a_night_longer_or_shorter() -> None:
    nights = weekly("22:00", "06:00", *DAYS)
    for begins, hours in (("2026-03-28T22:00", 7), ("2026-10-24T22:00", 9)):
        begin = berlin(begins).astimezone(UTC)
        end = open_until(nights, begin)
        assert end is not None
        assert end - begin == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("begins", "ends", "opens", "closes"),
    [
        # 2026-03-29: after 02:00 (01:00 UTC) comes 03:00
        ("02:30", "04:00", "2026-03-29T01:00", "2026-03-29T02:00"),
        ("02:30", "03:20", "2026-03-29T01:00", "2026-03-29T01:20"),
        ("22:00", "02:30", "2026-03-28T21:00", "2026-03-29T01:00"),
        ("01:30", "02:30", "2026-03-29T00:30", "2026-03-29T01:00"),
        # 2026-10-25: after 03:00 (01:00 UTC) comes 02:00
        ("22:00", "02:30", "2026-10-24T20:00", "2026-10-25T01:30"),
        ("02:30", "04:00", "2026-10-25T00:30", "2026-10-25T03:00"),
        ("02:00", "02:10", "2026-10-25T00:00", "2026-10-25T01:10"),
    ],
)
def test_what_clocks_skip_or_show_twice_makes_no_gap_in_a_window(
    begins: str, ends: str, opens: str, closes: str
) -> None:
    window = weekly(begins, ends, *DAYS)
    first, end = (datetime.fromisoformat(each).replace(tzinfo=UTC) for each in (opens, closes))
    assert open_until(window, first - timedelta(microseconds=1)) is None
    assert open_until(window, first) == end
    assert open_until(window, end - timedelta(microseconds=1)) == end
    assert open_until(window, end) is None


# Changes of clocks in 2026: by an hour or half of one, at night, at midnight, from midnight back.
CHANGES = [
    ("Europe/Berlin", "2026-03-29T01:00"), ("Europe/Berlin", "2026-10-25T01:00"),
    ("America/St_Johns", "2026-03-08T05:30"), ("America/St_Johns", "2026-11-01T04:30"),
    ("Australia/Lord_Howe", "2026-10-03T15:30"), ("Australia/Lord_Howe", "2026-04-04T15:00"),
    ("Africa/Cairo", "2026-04-23T22:00"), ("Asia/Beirut", "2026-03-28T22:00"),
    ("Asia/Beirut", "2026-10-24T21:00"), ("America/Havana", "2026-03-08T05:00"),
]  # fmt: skip


@settings(max_examples=300)
@given(
    st.sampled_from(CHANGES), st.integers(-300, 300),
    st.integers(0, 1439), st.integers(0, 1439),
)  # fmt: skip
def test_whatever_clocks_show_inside_a_window_is_frozen(
    change: tuple[str, str], minutes: int, begin: int, end: int
) -> None:
    zone, at = change
    now = datetime.fromisoformat(at).replace(tzinfo=UTC) + timedelta(minutes=minutes)
    begins, ends = (time(each // 60, each % 60) for each in (begin, end))
    shown = now.astimezone(ZoneInfo(zone)).time()
    over_midnight = begins >= ends and (shown >= begins or shown < ends)
    if begins <= shown < ends or over_midnight:
        window = freeze(ends_at=None, weekly=Weekly(zone, frozenset(DAYS), begins, ends))
        assert open_until(window, now) is not None


def test_one_window_is_open_between_its_ends() -> None:
    window = freeze(starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    moments = [
        NOON - timedelta(seconds=1),
        NOON,
        NOON + timedelta(minutes=59),
        NOON + timedelta(hours=1),
    ]
    assert [open_until(window, at) is not None for at in moments] == [False, True, True, False]


@pytest.mark.parametrize(
    ("where", "covered"),
    [
        ({}, True), ({"target": "shop"}, True), ({"target": "toy"}, False), ({"kind": "postgres"}, True),
        ({"environment": "production"}, True), ({"environment": "test"}, False), ({"kind": "redis"}, False),
        ({"kind": "postgres", "environment": "test"}, False), ({"tenant_id": "other"}, False),
    ],
)  # fmt: skip
def test_a_freeze_covers_what_fits_all_that_it_says(
    where: dict[str, str], *, covered: bool
) -> None:
    assert (held(freeze(**where)) is not None) == covered


def test_in_doubt_what_a_target_is_it_is_frozen() -> None:
    assert held(freeze(environment="test"), known=False) is not None
    assert held(freeze(environment="test", target="toy"), known=False) is None


def test_a_hold_says_which_freeze_and_until_when() -> None:
    hold = held(freeze())
    assert hold is not None
    assert (hold.cause, hold.until) == (Cause.FREEZE, NOON + timedelta(days=1))
    assert hold.reason == (
        "change freeze freeze-1 (fair): planned at 2026-11-21 12:00 UTC, or when somebody releases it"
    )
    longer = freeze(freeze_id="freeze-2", ends_at=NOON + timedelta(days=2))
    hold = held(freeze(), longer)
    assert hold is not None
    assert hold.until == longer.ends_at
    hold = held(freeze(mode=Mode.ASK), longer)
    assert hold is not None
    assert hold.until is None
    assert "somebody has to release this mission" in hold.reason


def test_a_release_lifts_the_window_that_was_open_and_none_that_was_declared_or_began_later() -> (
    None
):
    released, hour = NOON - timedelta(hours=1), timedelta(hours=1)
    known = freeze(declared_at=released - hour)
    later = freeze(declared_at=released + timedelta(minutes=1), freeze_id="freeze-2")
    due = freeze(declared_at=released - hour, starts_at=NOON)

    def hold(*freezes: Freeze, at: datetime = NOON) -> Hold | None:
        where = {"tenant": "default", "target": "shop", "classes": CLASSES}
        return freeze_hold(freezes, **where, now=at, released_at=released)  # type: ignore[arg-type]

    assert hold(known) is None
    for each in (later, due):
        found = hold(known, each)
        assert found is not None
        assert each.freeze_id in found.reason
    nights = replace(weekly("10:00", "14:00", *DAYS, zone="UTC"), declared_at=released - hour)
    assert hold(nights) is None
    assert hold(nights, at=NOON + timedelta(days=1)) is not None


@settings(max_examples=80)
@given(
    st.integers(0, 365 * 86_400).map(lambda seconds: NOON + timedelta(seconds=seconds)),
    st.times(), st.times(), st.frozensets(st.sampled_from(DAYS), min_size=1),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Apia"]),
)  # fmt: skip
def test_a_window_that_is_open_ends_within_a_day_and_is_open_until_then(
    now: datetime, begins: time, ends: time, days: frozenset[str], zone: str
) -> None:
    week = freeze(ends_at=None, weekly=Weekly(zone, days, begins, ends))
    until = open_until(week, now)
    if until is not None:
        assert now < until <= now + timedelta(hours=26)
        later = open_until(week, until - timedelta(microseconds=1))
        assert later is not None
        assert later >= until
