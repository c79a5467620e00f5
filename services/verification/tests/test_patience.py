from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.patience import first_patience, patience

SINCE = datetime(2026, 11, 22, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@given(
    st.timedeltas(timedelta(0), timedelta(days=1)), st.timedeltas(timedelta(0), timedelta(hours=1))
)
def test_who_has_waited_longer_asks_no_sooner_and_never_too_seldom(
    waited: timedelta, more: timedelta
) -> None:
    sooner, later = (
        patience(SINCE, now=SINCE + time, shortest=SECOND) for time in (waited, waited + more)
    )
    assert SECOND <= sooner <= later <= 5 * SECOND


def test_a_clock_that_runs_behind_makes_nobody_ask_more_often() -> None:
    assert patience(SINCE, now=SINCE - SECOND, shortest=SECOND) == SECOND


def test_word_of_a_fresh_task_is_missed_later_than_most_come_and_not_longer_than_any() -> None:
    assert (
        SECOND < first_patience(SECOND) <= patience(SINCE, now=SINCE + 60 * SECOND, shortest=SECOND)
    )
