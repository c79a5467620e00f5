import json
import math
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.verification.domain.distribution import MOST_EXACT, higher, lower

FIGURES = json.loads((Path(__file__).parent / "mann_whitney.json").read_text(encoding="utf-8"))
SAMPLE = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=5)

# Two-tailed critical values of U at 0.05, from the tables after Mann and Whitney (1947): the largest
# U that is significant, at 0.025 on one side.
CRITICAL = {
    (4, 4): 0, (5, 5): 2, (6, 6): 5, (7, 7): 8, (8, 8): 13, (9, 9): 17, (10, 10): 23,
    (5, 8): 6, (6, 9): 10, (7, 10): 14, (8, 12): 22, (9, 12): 26, (10, 14): 36,
}  # fmt: skip


@pytest.mark.parametrize("figure", FIGURES["cases"], ids=lambda figure: figure["name"])
def test_u_and_p_are_those_that_scipy_gives(figure):
    after, before = figure["after"], figure["before"]
    assert (len(after) + len(before) <= MOST_EXACT) == (figure["method"] == "exact")
    assert lower(after, before).u == figure["u"]
    assert lower(after, before).p == pytest.approx(figure["lower"], rel=1e-9)
    assert higher(after, before).p == pytest.approx(figure["higher"], rel=1e-9)


@pytest.mark.parametrize(("sizes", "critical"), CRITICAL.items())
def test_the_published_critical_values_are_the_last_significant_ones(sizes, critical):
    assert p_of_u(critical, *sizes) <= 0.025 < p_of_u(critical + 1, *sizes)


def p_of_u(u, n, m):
    """The p of a sample of n distinct ranks whose U is u: it begins lowest and is moved up."""
    ranks = list(range(1, n + 1))
    for place in reversed(range(n)):
        moved = min(u, m)
        ranks[place] += moved
        u -= moved
    others = sorted(set(range(1, n + m + 1)) - set(ranks))
    return lower([float(rank) for rank in ranks], [float(rank) for rank in others]).p


@settings(max_examples=60, deadline=None)
@given(SAMPLE, SAMPLE)
def test_exact_means_counted_over_every_deal_of_the_values(after, before):
    values = [*after, *before]

    def u_of(places):
        chosen = [values[place] for place in places]
        rest = [value for place, value in enumerate(values) if place not in places]
        return sum((a > b) + (a == b) / 2 for a in chosen for b in rest)

    deals = [u_of(set(places)) for places in combinations(range(len(values)), len(after))]
    here = u_of(set(range(len(after))))
    found = lower(after, before)
    assert found.u == here
    assert found.p == pytest.approx(sum(u <= here for u in deals) / len(deals))
    assert found.least == pytest.approx(sum(u == min(deals) for u in deals) / len(deals))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40), st.integers(1, 40))
def test_p_is_a_probability_and_turns_with_the_order(after, size):
    before = [value / 2 for value in after] * size
    found = lower(after, before[:40])
    assert 0.0 <= found.least <= found.p <= 1.0
    assert higher(after, before[:40]).u + found.u == pytest.approx(len(after) * len(before[:40]))


def test_one_value_everywhere_shows_no_shift():
    for size in (3, 50):
        assert lower([5.0] * size, [5.0] * size).p == 1.0


def test_an_outlier_does_not_decide():
    before = [float(value) for value in range(100, 130)]
    after = [*before[:-1], -1e12]
    assert lower(after, before).p > 0.2


def test_nothing_to_compare_is_refused():
    for after, before in (([], [1.0]), ([1.0], [])):
        with pytest.raises(ValueError, match="at least one"):
            lower(after, before)
    assert math.isfinite(lower([1.0], [2.0]).p)
