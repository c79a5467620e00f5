"""Slots where clocks are set: by half an hour, at midnight, or where the base is no whole hour."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.cron import last_slots, next_slot, objection_to
from grace.htm.domain.schedules import CatchUp, Due, Plan, fire

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
# Days on which clocks are set, and what CronSim walks rightly: by an hour, and not at midnight.
BY_AN_HOUR = (
    ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 3, 8, tzinfo=UTC)),
    ("America/St_Johns", datetime(2026, 11, 1, tzinfo=UTC)),
    ("Australia/Sydney", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Sydney", datetime(2026, 10, 3, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 2, 28, tzinfo=UTC)),
)
OTHERWISE = (
    ("Australia/Lord_Howe", datetime(2026, 4, 4, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2027, 4, 3, tzinfo=UTC)),
    ("Pacific/Chatham", datetime(2026, 9, 26, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Antarctica/Troll", datetime(2026, 10, 25, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 3, 28, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 10, 24, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 4, 5, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 30, tzinfo=UTC)),
)
WHENS = st.sampled_from(BY_AN_HOUR + OTHERWISE)
MINUTES = st.sampled_from(("*", "*/10", "*/15", "*/7", "0", "10", "0,30", "5-50/15"))
HOURS = st.sampled_from(("*", "*/2", "*/3", "0", "1", "2", "23", "1-4", "0,2,3"))
DAYS = st.sampled_from(("* * *", "* * 6", "* * 0", "29 * *", "1-15 * 5", "* 3-10 *", "L * *"))
CRONS = st.builds("{} {} {}".format, MINUTES, HOURS, DAYS)


def is_fixed(cron: str) -> bool:
    return not any(field.startswith("*") for field in cron.split()[:2])


def walked(cron: str, zone: str, after: datetime, until: datetime) -> Iterator[datetime]:
    """The slots as the loop comes by them, one after another."""
    at = after
    while (slot := next_slot(cron, zone, at)) is not None and slot <= until:
        assert slot > at
        yield slot
        at = slot


def shown(moment: datetime, zone: str) -> datetime:
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def on_a_clock_never_set(cron: str, begin: datetime, end: datetime) -> set[datetime]:
    start = (begin - MINUTE).replace(tzinfo=UTC)
    named = takewhile(lambda at: at < end.replace(tzinfo=UTC), CronSim(cron, start))
    return {at.replace(tzinfo=None) for at in named}


def by_the_rules(cron: str, zone: str, begin: datetime, end: datetime) -> list[datetime]:
    """What the README says, asked of each minute."""
    wall, minutes = [], int((end - begin) / MINUTE)
    named = on_a_clock_never_set(cron, shown(begin, zone) - 2 * DAY, shown(end, zone) + 2 * DAY)
    seen = shown(begin, zone)
    for moment in (begin + n * MINUTE for n in range(minutes)):
        now = shown(moment, zone)
        left_out = any(seen <= each < now for each in named) if now > seen else False
        is_new = now >= seen
        if (now in named and (is_new or not is_fixed(cron))) or (left_out and is_fixed(cron)):
            wall.append(moment)
        seen = max(seen, now + MINUTE)
    return wall


@given(CRONS, WHENS)
def test_each_minute_is_a_slot_by_the_rules_and_by_nothing_else(
    cron: str, when: tuple[str, datetime]
) -> None:
    zone, day = when
    begin, end = day - DAY, day + 2 * DAY
    expected = [at for at in by_the_rules(cron, zone, begin - DAY, end) if at >= begin]
    assert list(walked(cron, zone, begin - MINUTE / 2, end - MINUTE)) == expected
    assert last_slots(cron, zone, since=begin, until=end - MINUTE, most=9_999) == expected


@given(CRONS, st.sampled_from(BY_AN_HOUR))
def test_where_clocks_are_set_by_an_hour_the_slots_are_those_of_cronsim(
    cron: str, when: tuple[str, datetime]
) -> None:
    zone, day = when
    begin, end = day - DAY, day + 2 * DAY
    walk = (at.astimezone(UTC) for at in CronSim(cron, begin.astimezone(ZoneInfo(zone))))
    # In the hour that comes twice cronsim names its first half after it, and one instant twice.
    expected = sorted({at for at in takewhile(lambda at: at <= end, walk) if at > begin})
    assert list(walked(cron, zone, begin, end)) == expected


@given(CRONS, WHENS, st.sampled_from(CatchUp), st.integers(0, 3 * 24 * 60))
def test_the_slot_that_was_named_is_submitted_whatever_the_policy(
    cron: str, when: tuple[str, datetime], catch_up: CatchUp, minutes: int
) -> None:
    zone, day = when
    named = next_slot(cron, zone, day - DAY + minutes * MINUTE)
    if named is None:
        return
    now = named + timedelta(milliseconds=200)
    firing = fire(
        Due("t", "n", Plan(cron, zone, catch_up, 100), named, now, "{}"), late_after=MINUTE
    )
    assert firing.slots == (named,)


@pytest.mark.parametrize(
    ("cron", "zone", "named"),
    [
        ("*/15 2 * * *", "Pacific/Chatham", datetime(2027, 4, 3, 12, 15, tzinfo=UTC)),
        ("*/10 */3 * * *", "Pacific/Chatham", datetime(2027, 4, 3, 14, 15, tzinfo=UTC)),
        ("*/10 * * * 6", "Asia/Beirut", datetime(2026, 10, 24, 21, tzinfo=UTC)),
        ("*/10 * * * 6", "America/Santiago", datetime(2026, 4, 5, 3, tzinfo=UTC)),
        ("*/10 23 * * *", "Australia/Lord_Howe", datetime(2026, 10, 3, 13, tzinfo=UTC)),
        ("* */2 * * *", "Australia/Lord_Howe", datetime(2025, 4, 5, 15, 30, tzinfo=UTC)),
    ],
)
def test_no_clock_that_is_set_stops_a_schedule_or_hides_its_slot(
    cron: str, zone: str, named: datetime
) -> None:
    assert next_slot(cron, zone, named - MINUTE) == named
    plan, now = Plan(cron, zone, CatchUp.ALL, 100), named + timedelta(milliseconds=200)
    assert fire(Due("t", "n", plan, named, now, "{}"), late_after=MINUTE).slots == (named,)
    later = last_slots(cron, zone, since=named, until=named + 3 * DAY, most=100)
    assert later == sorted(set(later))


def test_a_day_that_a_place_leaves_out_is_made_up_for_once() -> None:
    """Samoa went from 29 to 31 December 2011."""
    begin, end = datetime(2011, 12, 29, tzinfo=UTC), datetime(2012, 1, 1, tzinfo=UTC)
    jump = datetime(2011, 12, 30, 10, tzinfo=UTC)
    assert list(walked("30 7,9 30 12 *", "Pacific/Apia", begin, end)) == [jump]
    assert list(walked("*/30 7,9 30 12 *", "Pacific/Apia", begin, end)) == []


def test_what_comes_once_in_many_years_is_found_and_what_never_comes_is_none() -> None:
    leap = next_slot("0 0 29 2 *", "Pacific/Chatham", datetime(2026, 5, 4, tzinfo=UTC))
    assert leap == datetime(2028, 2, 28, 10, 15, tzinfo=UTC)
    assert next_slot("0 0 */28 * 6#3", "Pacific/Chatham", leap) is None
    assert "no day that comes" in (objection_to("0 0 */28 * 6#3", "Pacific/Chatham") or "")
