"""The times of cron expressions, where clocks are set, too; and what becomes of slots that were missed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.cron import last_slots, next_slot, objection_to
from grace.htm.domain.schedules import (
    CatchUp,
    Due,
    Firing,
    Plan,
    fire,
    first_at,
    objection,
    sentence_of,
)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
# In 2026 clocks in Berlin leave out 02:00-03:00 on 29 March, and have it twice on 25 October.
SPRING, AUTUMN = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)
NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)
MINUTES = st.sampled_from(("0", "*/15", "30", "5,59", "*/7", "0-10/5"))
HOURS = st.sampled_from(("*", "2", "1-3", "*/2", "0,2,23", "3"))
DAYS = st.sampled_from(("*", "29", "L", "25,29", "LW"))
WEEKDAYS = st.sampled_from(("*", "0", "0L", "1-5", "MON,SUN"))
CRONS = st.builds("{} {} {} * {}".format, MINUTES, HOURS, DAYS, WEEKDAYS)
ZONES = st.sampled_from(
    ("Europe/Berlin", "UTC", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
)


def day(cron: str, start: datetime) -> list[str]:
    """The times in UTC of the day in Berlin that begins then."""
    times, at, berlin = [], start - MINUTE, ZoneInfo("Europe/Berlin")
    while slot := next_slot(cron, "Europe/Berlin", at):
        if slot.astimezone(berlin).date() != start.astimezone(berlin).date():
            break
        times.append(f"{slot:%H:%M}")
        at = slot
    return times


def fired(catch_up: str, *, late: timedelta, cron: str = "*/10 * * * *", most: int = 3) -> Firing:
    plan = Plan(cron, "UTC", catch_up, most)
    due = Due("t", "n", plan, NOW, NOW + late, "{}")
    return fire(due, late_after=MINUTE)


def test_a_fixed_hour_that_is_left_out_comes_right_after_it_and_once() -> None:
    assert day("30 2 * * *", SPRING) == ["01:00"]
    assert day("0,30 2 * * *", SPRING) == ["01:00"]


def test_a_fixed_hour_that_comes_twice_is_taken_the_first_time() -> None:
    assert day("30 2 * * *", AUTUMN) == ["00:30"]


def test_every_half_hour_follows_the_clock_on_the_wall() -> None:
    assert len(day("*/30 * * * *", SPRING)) == 46
    assert len(day("*/30 * * * *", AUTUMN)) == 50
    assert day("*/30 2 * * *", SPRING) == []
    assert day("*/30 2 * * *", AUTUMN) == ["00:00", "00:30", "01:00", "01:30"]


@given(CRONS, ZONES, st.sampled_from((SPRING, AUTUMN, NOW)), st.integers(0, 3000))
def test_looking_back_finds_the_times_that_come_one_after_another(
    cron: str, zone: str, start: datetime, minutes: int
) -> None:
    since, until = start, start + minutes * MINUTE
    forward, at = [], since - timedelta(seconds=1)
    while (slot := next_slot(cron, zone, at)) is not None and slot <= until:
        assert slot > at
        forward.append(slot)
        at = slot
    assert last_slots(cron, zone, since=since, until=until, most=10_000) == forward
    assert last_slots(cron, zone, since=since, until=until, most=2) == forward[-2:]


@pytest.mark.parametrize(
    ("cron", "zone", "problem"),
    [
        ("60 * * * *", "UTC", "Bad minute"),
        ("* * * *", "UTC", "five fields"),
        ("0 * * * * *", "UTC", "five fields"),
        ("", "UTC", "five fields"),
        ("@daily", "UTC", "five fields"),
        ("0 0 31 2 *", "UTC", "Bad day-of-month"),
        ("0 0 * * 1#6", "UTC", "Bad day-of-week"),
        ("*/0 * * * *", "UTC", "Bad minute"),
        ("1 2 3 4 " + 300 * "5", "UTC", "five fields"),
        ("0 0 * * *", "Europe/Atlantis", "no time zone"),
        ("0 0 * * *", "../../etc/passwd", "no time zone"),
        ("0 0 * * *", "Europe", "no time zone"),
        ("0 0 * * *", "localtime", "'localtime': give one such as UTC"),
        ("0 0 * * *", "posixrules", "'posixrules': give one such as UTC"),
        ("0 0 * * *", "Factory", "'Factory': give one such as UTC"),
        ("0 0 * * *", "right/Europe/Berlin", "'right/Europe/Berlin': give Europe/Berlin"),
        ("0 0 * * *", "posix/Europe/Berlin", "'posix/Europe/Berlin': give Europe/Berlin"),
        ("0 0 * * *", "right/Factory", "'right/Factory': give one such as UTC"),
        ("0 0 * * *", "", "no time zone"),
    ],
)
def test_nonsense_is_told_what_is_wrong_with_it(cron: str, zone: str, problem: str) -> None:
    assert problem in (objection_to(cron, zone) or "")


def test_a_variant_that_was_set_before_it_was_refused_goes_by_its_place() -> None:
    for variant in ("right/Europe/Berlin", "posix/Europe/Berlin"):
        assert next_slot("30 2 * * *", variant, SPRING) == datetime(2026, 3, 29, 1, tzinfo=UTC)


@given(st.text(alphabet="0123456789*/,-#LWMONa \u0660", max_size=30), st.text(max_size=8))
def test_no_text_breaks_what_judges_it(cron: str, zone: str) -> None:
    if objection_to(cron, "UTC") is None:
        slot = next_slot(cron, "UTC", NOW)
        assert slot is None or slot > NOW
    objection_to("* * * * *", zone)


def test_what_is_in_time_is_fired_whatever_the_policy() -> None:
    for catch_up in CatchUp:
        firing = fired(catch_up, late=MINUTE / 2)
        assert (firing.slots, firing.next_at) == ((NOW,), NOW + 10 * MINUTE)


def test_after_an_outage_none_the_last_or_all_up_to_a_bound_are_made_up_for() -> None:
    last = NOW + HOUR
    assert fired(CatchUp.SKIP, late=HOUR + 2 * MINUTE).slots == ()
    assert fired(CatchUp.ONE, late=HOUR + 2 * MINUTE).slots == (last,)
    assert fired(CatchUp.ALL, late=HOUR + 2 * MINUTE, most=100).slots == tuple(
        NOW + n * 10 * MINUTE for n in range(7)
    )
    assert fired(CatchUp.ALL, late=HOUR, most=3).slots == (
        last - 20 * MINUTE, last - 10 * MINUTE, last,
    )  # fmt: skip


@given(st.sampled_from(CatchUp), st.integers(0, 500), st.integers(1, 20), CRONS, ZONES)
def test_no_slot_is_fired_twice_and_none_before_its_time(
    catch_up: CatchUp, minutes: int, most: int, cron: str, zone: str
) -> None:
    plan = Plan(cron, zone, catch_up, most)
    at = first_at(plan, NOW)
    seen: list[datetime] = []
    for now in (NOW + minutes * MINUTE, NOW + 3 * minutes * MINUTE, NOW + 3 * minutes * MINUTE):
        if at is None or at > now:
            continue
        firing = fire(Due("t", "n", plan, at, now, "{}"), late_after=MINUTE)
        assert all(NOW < slot <= now for slot in firing.slots)
        assert firing.next_at is None or firing.next_at > now
        seen += firing.slots
        at = firing.next_at
    assert len(set(seen)) == len(seen)
    assert seen == sorted(seen)


def test_a_year_of_missed_minutes_costs_no_more_than_its_bound() -> None:
    firing = fired(CatchUp.ALL, late=365 * DAY, cron="* * * * *", most=5)
    assert len(firing.slots) == 5


def test_a_disabled_schedule_never_fires_and_says_so() -> None:
    plan = Plan("0 0 * * *", "UTC", enabled=False)
    assert first_at(plan, NOW) is None
    assert "disabled" in sentence_of(plan, None, NOW)
    assert "any more" in sentence_of(Plan("0 0 * * *", "UTC"), None, NOW)
    assert "2026-05-05T00:00Z, in 41400 s" in sentence_of(
        Plan("0 0 * * *", "UTC"), NOW + 690 * MINUTE, NOW
    )


def test_a_schedule_that_would_change_something_is_refused() -> None:
    assert "only observes" in (objection(Plan("* * * * *", "UTC"), "apply") or "")
    assert "skip, one, all" in (objection(Plan("* * * * *", "UTC", "some"), "observe") or "")
    assert "1 to 1000" in (objection(Plan("* * * * *", "UTC", "all", 1001), "observe") or "")
    assert objection(Plan("* * * * *", "UTC"), "observe") is None
