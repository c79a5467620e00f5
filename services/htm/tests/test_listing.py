"""Pages: walking them shows everything once, however little each of them looks at."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.listing import SCANNED, Filters, next_of, window_of

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@given(
    st.sets(st.integers(1, 1000), max_size=40),
    st.integers(1, 5),
    st.integers(5, 9),
    st.integers(1, 4),
)
def test_pages_show_every_match_once_and_end(
    numbers: set[int], limit: int, most: int, every: int
) -> None:
    history = sorted((UUID(int=n) for n in numbers), reverse=True)
    shown: list[UUID] = []
    before: UUID | None = UUID(int=2**128 - 1)
    for _ in range(len(history) + 2):
        assert before is not None
        looked_at = [each for each in history if each < before][:most]
        page = [each for each in looked_at if each.int % every == 0][:limit]
        shown += page
        before = next_of(looked_at, page, most=most, limit=limit)
        if before is None:
            break
    assert before is None
    assert shown == [each for each in history if each.int % every == 0]


def test_only_filters_that_no_index_has_make_a_page_look_further() -> None:
    for filters in (Filters(), Filters(status="failed"), Filters(mission_id="m")):
        assert window_of(filters, before=None, limit=7).most == 7
    for filters in (
        Filters(status="queued"),
        Filters(status="succeeded"),
        Filters(kernel="k"),
        Filters(type="t"),
        Filters(since=NOW),
        Filters(mission_id="m", contract_id="c"),
        Filters(contract_id="c", status="queued"),
    ):
        assert window_of(filters, before=None, limit=7).most == SCANNED


@given(st.integers(0, 8000 * 365).map(lambda days: timedelta(days=days + 1)))
def test_times_bound_the_ids_with_five_minutes_to_spare(age: timedelta) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + age
    window = window_of(Filters(since=at, until=at), before=None, limit=1)
    milliseconds = at.timestamp() * 1000
    assert abs((window.oldest.int >> 80) - (milliseconds - 300_000)) <= 1
    assert abs((window.before.int >> 80) - (milliseconds + 300_000)) <= 1


def test_the_first_and_the_last_of_all_times_are_times() -> None:
    early = datetime(1, 1, 1, tzinfo=UTC) + timedelta(days=1)
    window = window_of(Filters(since=early, until=early), before=None, limit=1)
    assert (window.oldest.int, window.before.int) == (0, 0)
