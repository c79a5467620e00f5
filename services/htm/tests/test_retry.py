"""Retries: 1 s, 2 s, 4 s .. 60 s, +-20 %, while attempts remain and the class allows it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.lifecycle import HELD, TRANSITIONS, Event
from grace.htm.domain.retry import (
    RETRYABLE,
    Backoff,
    ErrorClass,
    History,
    Policy,
    class_of,
    on_failure,
    on_lapse,
)

BACKOFF = Backoff(timedelta(seconds=1), timedelta(seconds=60), 0.2)
POLICY = Policy(BACKOFF)
MIDDLE = 0.5
jitters = st.floats(min_value=0, max_value=1)
histories = st.builds(
    History,
    attempt_number=st.integers(1, 10),
    max_attempts=st.integers(1, 10),
    failures=st.integers(0, 10),
    lapses=st.integers(0, 10),
)


def test_waits_double_from_one_second_to_sixty() -> None:
    waits = [BACKOFF.delay(count, jitter=MIDDLE).total_seconds() for count in range(1, 9)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]


def test_three_words_are_tried_again_and_three_are_not() -> None:
    history = History(attempt_number=1, max_attempts=3, failures=0, lapses=0)
    ends = {
        word: on_failure(
            history,
            class_of(word, retryable=None, timed_out=False),
            policy=POLICY,
            jitter=MIDDLE,
        ).event
        for word in ("transient", "system", "timeout", "validation", "user", "nonretryable")
    }
    again = {word for word, event in ends.items() if event is Event.RETRY}
    assert again == {"transient", "system", "timeout"}
    assert {ends[word] for word in ends.keys() - again} == {Event.FAIL}


@given(count=st.integers(1, 10_000), jitter=jitters)
def test_jitter_moves_a_wait_by_at_most_a_fifth(count: int, jitter: float) -> None:
    plain = BACKOFF.delay(count, jitter=MIDDLE)
    assert abs(BACKOFF.delay(count, jitter=jitter) - plain) <= plain * 0.2 + timedelta.resolution


@given(history=histories, error_class=st.sampled_from(ErrorClass), jitter=jitters)
def test_only_a_retryable_class_with_attempts_left_is_retried(
    history: History, error_class: ErrorClass, jitter: float
) -> None:
    ruling = on_failure(history, error_class, policy=POLICY, jitter=jitter)
    left = history.attempt_number < history.max_attempts
    if error_class is ErrorClass.UNDECIDED:
        assert ruling.event is Event.PARK
    elif error_class not in RETRYABLE:
        assert ruling.event is Event.FAIL
    elif left:
        assert ruling.event is Event.RETRY
    else:
        assert ruling.event is Event.BURY
    assert (ruling.delay is not None) == (ruling.event is Event.RETRY)


@given(history=histories, jitter=jitters)
def test_a_lapse_is_retried_until_the_attempts_are_used_up(history: History, jitter: float) -> None:
    ruling = on_lapse(history, policy=POLICY, jitter=jitter)
    left = history.attempt_number < history.max_attempts
    assert ruling.event is (Event.RETRY if left else Event.BURY)


@given(history=histories, error_class=st.sampled_from(ErrorClass), jitter=jitters)
def test_every_ruling_is_a_legal_door_out_of_every_held_state(
    history: History, error_class: ErrorClass, jitter: float
) -> None:
    rulings = {
        on_failure(history, error_class, policy=POLICY, jitter=jitter).event,
        on_lapse(history, policy=POLICY, jitter=jitter).event,
    }
    assert all(rulings <= TRANSITIONS[state].keys() for state in HELD)


def test_failures_and_lapses_are_counted_apart() -> None:
    history = History(attempt_number=4, max_attempts=9, failures=0, lapses=3)
    failed = on_failure(history, ErrorClass.TRANSIENT, policy=POLICY, jitter=MIDDLE)
    lapsed = on_lapse(history, policy=POLICY, jitter=MIDDLE)
    assert (failed.delay, lapsed.delay) == (timedelta(seconds=1), timedelta(seconds=8))


def test_three_attempts_are_three_in_all() -> None:
    events = [
        on_failure(
            History(attempt, 3, attempt - 1, 0), ErrorClass.SYSTEM, policy=POLICY, jitter=MIDDLE
        ).event
        for attempt in (1, 2, 3)
    ]
    assert events == [Event.RETRY, Event.RETRY, Event.BURY]


@pytest.mark.parametrize(
    ("word", "retryable", "timed_out", "expected"),
    [
        ("user", True, True, ErrorClass.USER),
        ("transient", False, False, ErrorClass.TRANSIENT),
        (None, None, True, ErrorClass.TIMEOUT),
        (None, False, False, ErrorClass.NONRETRYABLE),
        (None, True, False, ErrorClass.TRANSIENT),
        (None, None, False, ErrorClass.TRANSIENT),
        ("undecided", False, False, ErrorClass.UNDECIDED),
        ("a word of tomorrow", False, False, ErrorClass.NONRETRYABLE),
    ],
)
def test_the_class_decides_where_it_is_given_and_the_hint_elsewhere(
    word: str | None, *, retryable: bool | None, timed_out: bool, expected: ErrorClass
) -> None:
    assert class_of(word, retryable=retryable, timed_out=timed_out) is expected
