import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.resilience import RateLimit, TokenBucket

limits = st.builds(
    RateLimit,
    rate=st.floats(min_value=0.01, max_value=1000),
    burst=st.floats(min_value=1, max_value=100),
)
steps = st.lists(st.floats(min_value=-5, max_value=5), max_size=50)


def test_a_burst_passes_and_the_next_one_waits() -> None:
    bucket = TokenBucket.full(RateLimit(rate=2, burst=3), 0.0)
    waits = []
    for _ in range(4):
        bucket, wait = bucket.take(0.0)
        waits.append(wait)
    assert waits == [0.0, 0.0, 0.0, 0.5]


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    empty, _ = TokenBucket.full(RateLimit(rate=2, burst=3), 0.0).take(0.0, 3)
    assert empty.take(1.0, 2)[1] == 0.0
    assert empty.take(1.0, 3)[1] == 0.5
    assert empty.take(1000.0, 3)[0].tokens == 0.0


def test_a_refused_take_costs_nothing() -> None:
    empty, _ = TokenBucket.full(RateLimit(rate=1, burst=1), 0.0).take(0.0)
    refused, _ = empty.take(0.5)
    assert refused.take(1.0)[1] == 0.0


def test_a_clock_that_goes_back_and_forth_refills_nothing() -> None:
    empty, _ = TokenBucket.full(RateLimit(rate=1, burst=5), 10.0).take(10.0, 5)
    set_back, _ = empty.take(0.0)
    assert set_back.take(10.0)[1] == 1.0


@given(limits, steps)
def test_no_more_passes_than_burst_plus_rate_times_time(
    limit: RateLimit, pauses: list[float]
) -> None:
    bucket, now, latest, passed = TokenBucket.full(limit, 0.0), 0.0, 0.0, 0
    for pause in pauses:
        now += pause
        latest = max(latest, now)
        bucket, wait = bucket.take(now)
        passed += wait == 0.0
        assert 0 <= bucket.tokens <= limit.burst
    assert passed <= limit.burst + limit.rate * latest + 1e-6


@given(limits, steps)
def test_whoever_waits_as_long_as_told_passes(limit: RateLimit, pauses: list[float]) -> None:
    bucket, now = TokenBucket.full(limit, 0.0), 0.0
    for pause in pauses:
        now += abs(pause) / 100
        bucket, wait = bucket.take(now)
        if wait:
            assert bucket.take(now + wait + 1e-6)[1] == 0.0


@pytest.mark.parametrize("n", [0, -1, 11, float("nan")])
def test_a_take_that_can_never_fit_is_refused(n: float) -> None:
    with pytest.raises(ValueError, match="never fit"):
        TokenBucket.full(RateLimit(), 0.0).take(0.0, n)


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0.5), (float("inf"), 1)])
def test_a_limit_that_never_or_always_lets_pass_is_refused(rate: float, burst: float) -> None:
    with pytest.raises(ValueError, match="rate limit"):
        RateLimit(rate, burst)
