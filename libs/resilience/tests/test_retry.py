import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.resilience import RETRYABLE, ErrorClass, RetryPolicy, retrying

MANY = RetryPolicy(max_attempts=10**9)


def test_delays_double_from_one_second_up_to_sixty() -> None:
    delays = [MANY.next_delay(attempt, ErrorClass.SYSTEM, 0.0) for attempt in range(1, 9)]
    assert delays == [timedelta(seconds=s) for s in (1, 2, 4, 8, 16, 32, 60, 60)]


@given(
    st.integers(min_value=1, max_value=10**9 - 1),
    st.sampled_from(sorted(RETRYABLE)),
    st.floats(min_value=-1, max_value=1),
)
def test_jitter_stays_within_a_fifth_of_the_capped_delay(
    attempt: int, error_class: ErrorClass, jitter: float
) -> None:
    delay = MANY.next_delay(attempt, error_class, jitter)
    nominal = min(60.0, 2.0 ** min(attempt - 1, 10))
    assert delay is not None
    assert 0.8 * nominal - 1e-6 <= delay.total_seconds() <= 1.2 * nominal + 1e-6


def test_jitter_moves_the_delay_both_ways() -> None:
    early, late = (MANY.next_delay(1, ErrorClass.TIMEOUT, jitter) for jitter in (-1, 1))
    assert (early, late) == (timedelta(seconds=0.8), timedelta(seconds=1.2))


def test_the_third_failure_is_the_last() -> None:
    policy = RetryPolicy()
    assert policy.next_delay(2, ErrorClass.TRANSIENT, 0.0) == timedelta(seconds=2)
    assert policy.next_delay(3, ErrorClass.TRANSIENT, 0.0) is None


@pytest.mark.parametrize("error_class", ErrorClass)
def test_only_what_may_pass_by_itself_is_retried(error_class: ErrorClass) -> None:
    is_retried = RetryPolicy().next_delay(1, error_class, 0.0) is not None
    assert is_retried == (error_class.value in {"transient", "system", "timeout"})


@pytest.mark.parametrize(("attempt", "jitter"), [(0, 0.0), (1, 1.1), (1, float("nan"))])
def test_an_impossible_question_is_refused(attempt: int, jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter"):
        RetryPolicy().next_delay(attempt, ErrorClass.TRANSIENT, jitter)


@pytest.mark.parametrize(
    "settings",
    [
        {"max_attempts": 0},
        {"first": timedelta(0)},
        {"cap": timedelta(milliseconds=1)},
        {"spread": 1.0},
        {"spread": -0.1},
    ],
)
def test_a_policy_out_of_range_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="policy"):
        RetryPolicy(**settings)  # type: ignore[arg-type]


class Flaky:
    """An operation that raises what it is told, then answers."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def classify(error: Exception) -> ErrorClass:
    return ErrorClass.USER if isinstance(error, PermissionError) else ErrorClass.TRANSIENT


class Pauses(list[float]):
    """Notes how long it should have slept."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


async def test_observing_is_tried_again_after_the_delays_of_the_policy() -> None:
    flaky, pauses = Flaky(OSError(), OSError()), Pauses()
    retry = retrying(RetryPolicy(), classify, dice=lambda: 0.5, sleep=pauses)
    assert await retry(flaky) == "answer"
    assert pauses == [1.1, 2.2]


async def test_the_last_failure_is_raised_as_it_is() -> None:
    last = OSError("third")
    flaky = Flaky(OSError(), OSError(), last, OSError())
    with pytest.raises(OSError, match="third") as raised:
        await retrying(RetryPolicy(), classify, sleep=Pauses())(flaky)
    assert raised.value is last
    assert flaky.calls == 3


@pytest.mark.parametrize("error", [PermissionError(), asyncio.CancelledError(), SystemExit()])
async def test_what_does_not_pass_is_raised_at_once(error: BaseException) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        await retrying(RetryPolicy(), classify, sleep=Pauses())(flaky)
    assert flaky.calls == 1
