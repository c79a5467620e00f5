"""Figures: what adds up, and what is no number."""

from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.figures import Counts, sla_rate, success_rate, total_of

NUMBERS = st.integers(0, 1000)


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    succeeded, failed, cancelled = draw(NUMBERS), draw(NUMBERS), draw(NUMBERS)
    breached = draw(st.integers(0, succeeded + failed))
    return Counts(
        tasks=succeeded + failed + cancelled,
        succeeded=succeeded,
        failed=failed,
        cancelled=cancelled,
        breached=breached,
    )


@given(counts())
def test_rates_are_shares_of_those_that_nobody_cancelled(found: Counts) -> None:
    judged = found.succeeded + found.failed
    if not judged:
        assert success_rate(found) is sla_rate(found) is None
        return
    assert success_rate(found) == found.succeeded / judged
    assert (
        sla_rate(found) == 1 - found.breached / judged
        or abs((sla_rate(found) or 0) - (1 - found.breached / judged)) < 1e-9
    )


@given(st.lists(counts(), max_size=5))
def test_totals_are_sums(found: list[Counts]) -> None:
    total = total_of(found)
    assert total.tasks == sum(each.tasks for each in found)
    assert total.breached == sum(each.breached for each in found)
    assert total_of([total]) == total
