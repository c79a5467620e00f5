"""Seconds, medians and bars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.stack.demo.throughput import (
    Sample,
    Second,
    Summary,
    Throughput,
    second_between,
    sparkline,
    summary,
)
from grace.stack.errors import StackError


def test_a_session_counts_one_commit_that_is_no_work() -> None:
    before, after = Sample(10.0, 100, 5, 50), Sample(11.0, 140, 7, 70, "5ms")
    assert second_between(before, after) == Second(10.0, 11.0, 20, 2, "5ms")


def test_counters_that_went_back_are_no_measurement() -> None:
    with pytest.raises(StackError, match="reset"):
        second_between(Sample(0, 10, 0, 0), Sample(1, 2, 0, 0))


def test_a_summary_is_the_median_of_seconds_and_the_share_of_failures() -> None:
    seconds = [Second(0, 1, 10, 0), Second(1, 2, 30, 10), Second(2, 4, 40, 10)]
    assert summary(seconds) == Summary(seconds=3, throughput=20.0, error_rate=0.2)


def test_where_nothing_was_done_there_is_no_error_rate() -> None:
    assert summary([Second(0, 1, 0, 0)]).error_rate is None


def test_without_a_second_there_is_no_summary() -> None:
    with pytest.raises(StackError, match="too busy"):
        summary([])


def test_only_whole_seconds_lie_between_two_moments() -> None:
    read = Throughput()
    read.seconds += [Second(at, at + 1.0, 1, 0) for at in (0.5, 1.5, 2.5, 3.5)]
    assert [s.begun for s in read.between(1.0, 3.6)] == [1.5, 2.5]


def test_bars_go_from_nothing_to_the_top() -> None:
    assert sparkline([0, 150, 300, 900], top=300) == "▁▅██"


@given(st.lists(st.floats(0, 1e9)), st.floats(0, 1e9, exclude_min=True))
def test_every_value_gets_one_bar(values: list[float], top: float) -> None:
    assert len(sparkline(values, top=top)) == len(values)
