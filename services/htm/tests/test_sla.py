"""Service levels: the rules, for any times."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.sla import Sla, Timing, buffer_of, sla_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECONDS = st.integers(-1000, 1000)
LEVELS = st.sampled_from(Sla)
ORDER = [Sla.OK, Sla.AT_RISK, Sla.BREACHED]


def timing(left: int, usual: int = 0, ended: int | None = None) -> Timing:
    """`left` seconds before the deadline; `ended` so many seconds from now."""
    finished = NOW + timedelta(seconds=ended) if ended is not None else None
    return Timing(NOW, NOW + timedelta(seconds=left), float(usual), finished)


@given(SECONDS, st.integers(0, 1000))
def test_an_open_task_is_at_risk_from_the_moment_its_usual_time_no_longer_fits(
    left: int, usual: int
) -> None:
    level = sla_of(timing(left, usual))
    assert (level is Sla.BREACHED) is (left < 0)
    assert (level is Sla.OK) is (left >= usual and left >= 0)
    assert buffer_of(timing(left, usual)) == left - usual


@given(SECONDS, st.integers(0, 1000), SECONDS, LEVELS)
def test_the_end_alone_decides_an_ended_task(
    left: int, usual: int, ended: int, before: Sla
) -> None:
    found = timing(left, usual, ended)
    assert sla_of(found, before) is (Sla.BREACHED if ended > left else Sla.OK)
    assert buffer_of(found) == left - ended


@given(SECONDS, st.integers(0, 1000), LEVELS)
def test_an_open_task_never_recovers(left: int, usual: int, before: Sla) -> None:
    assert ORDER.index(sla_of(timing(left, usual), before)) >= ORDER.index(before)


@given(SECONDS, st.integers(0, 1000), st.integers(0, 1000), LEVELS)
def test_time_makes_nothing_better(left: int, usual: int, later: int, before: Sla) -> None:
    now = sla_of(timing(left, usual), before)
    then = sla_of(timing(left - later, usual), now)
    assert ORDER.index(then) >= ORDER.index(now)


@given(SECONDS, st.integers(0, 1000), LEVELS)
def test_judging_twice_changes_nothing(left: int, usual: int, before: Sla) -> None:
    once = sla_of(timing(left, usual), before)
    assert sla_of(timing(left, usual), once) is once
