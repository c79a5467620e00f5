"""Lanes as text, the classes of size, the buckets of limits, and where a claim begins to look."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.lanes import PLAIN, Lane, Size, lane_of, size_of, sizes_within
from grace.htm.domain.limits import Limit, allowance, burst_of, left_after
from grace.htm.domain.rotation import Rotation, rotate
from grace.htm.domain.schedule import Front, Head

START = datetime(2026, 1, 1, tzinfo=UTC)
KEY = ("t", "db")
words_ = st.from_regex(r"[A-Za-z0-9._:-]{1,8}", fullmatch=True)
lanes_ = st.builds(
    Lane,
    size=st.sampled_from(Size),
    requires=st.frozensets(words_, max_size=8),
    limit_key=st.none() | words_,
    affinity=st.none() | words_,
)


@given(lanes_, lanes_)
def test_a_lane_is_the_same_after_it_was_stored(one: Lane, other: Lane) -> None:
    assert lane_of(str(one)) == one
    assert (str(one) == str(other)) == (one == other)
    assert (str(one) == "") == (one == PLAIN)


@given(st.integers(0, 10**6), st.integers(16 * 1024, 10**6))
def test_a_worker_carries_every_task_of_the_classes_that_it_takes(size: int, most: int) -> None:
    assert size_of(size) not in sizes_within(most) or size <= most


@pytest.mark.parametrize("size", Size)
def test_a_worker_that_says_nothing_carries_everything(size: Size) -> None:
    assert size in sizes_within(None)


def _limit(tokens: float, *, waited: float, rate: float = 2.0, burst: int = 5) -> Limit:
    read_at = START + timedelta(seconds=waited)
    return Limit(None, rate, burst, tokens, START, read_at)


@given(st.floats(0, 5), st.floats(-100, 100), st.floats(0, 100), st.integers(1, 9))
def test_over_any_time_no_more_begins_than_rate_and_burst_allow(
    tokens: float, first: float, second: float, wanted: int
) -> None:
    limit = _limit(tokens, waited=first)
    begun = min(wanted, allowance(limit, held=0))
    left = left_after({KEY: limit}, {KEY: begun}).get(KEY, (tokens, START))
    later = max(limit.read_at, left[1]) + timedelta(seconds=second)
    again = allowance(Limit(None, 2.0, 5, *left, later), held=0)
    assert begun + again <= tokens + 2.0 * (max(0.0, first) + second) + 1e-6
    assert 0 <= again <= 5


def test_concurrency_counts_what_is_held() -> None:
    limit = Limit(3, None, None, 0.0, START, START)
    assert [allowance(limit, held=held) for held in (0, 2, 3, 9)] == [3, 1, 0, 0]


@pytest.mark.parametrize(("rate", "burst"), [(0.01, 1), (1.0, 1), (2.5, 3)])
def test_a_burst_that_nobody_named_is_a_seconds_worth(rate: float, burst: int) -> None:
    assert burst_of(rate) == burst


def _front(origin: str, key: str) -> Front:
    head = Head(UUID(int=1), START, 1)
    return Front("noop", ("t", origin), Lane(limit_key=key), [head])


def test_a_claim_goes_on_behind_the_last_queue_and_lane_that_were_seen() -> None:
    fronts = [_front("a", "1"), _front("a", "2"), _front("b", "1")]
    seen = rotate(Rotation(), fronts, ["noop"], most_queues=2, most_lanes=2)
    assert seen.queues == {"noop": ("t", "b")}
    assert seen.lanes == {("noop", "t", "a"): "||2|"}
    others = rotate(seen, [], ["http"], most_queues=2, most_lanes=2)
    assert others == seen
    again = rotate(seen, fronts[2:], ["noop"], most_queues=2, most_lanes=2)
    assert again.queues == {}
