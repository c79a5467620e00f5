"""What another index brings, beside what is there: when it may have hidden something."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from grace.knowledge.domain.finding import Brought, Near

cosines = st.floats(-1, 1)
points = st.lists(st.tuples(cosines, st.booleans()), max_size=30)
NOWHERE = UUID(int=0)


def brought(found: list[tuple[float, bool]], asked: int) -> Brought:
    return Brought([Near(NOWHERE, 0, cosine) for cosine, _ in found[:asked]], asked)


@given(points, st.integers(1, 10), st.integers(0, 20), cosines)
def test_where_nothing_is_hidden_the_nearest_that_live_were_brought(
    found: list[tuple[float, bool]], most: int, more: int, least: float
) -> None:
    found.sort(reverse=True)
    asked = most + more
    living = [cosine for cosine, lives in found[:asked] if lives][:most]
    if not brought(found, asked).hides_some(len(living), most=most, least=least):
        all_living = [cosine for cosine, lives in found if lives and cosine >= least]
        assert [each for each in living if each >= least] == all_living[:most]


@given(points, st.integers(1, 10), cosines)
def test_nothing_is_hidden_where_all_live(
    found: list[tuple[float, bool]], most: int, least: float
) -> None:
    assert not brought(found, most).hides_some(min(len(found), most), most=most, least=least)
