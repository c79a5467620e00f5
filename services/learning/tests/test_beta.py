from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.learning.domain.beta import cumulative, lower_bound, mean, quantile

COUNTS = st.integers(0, 40)


def _exact(x: Fraction, a: int, b: int) -> float:
    """Return I_x(a, b) of whole a, b by the binomial sum (DLMF 8.17.5), in exact fractions."""
    n = a + b - 1
    return float(sum(comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(a, n + 1)))


@pytest.mark.parametrize(
    ("x", "a", "b", "expected"),
    [
        (0.3, 1, 1, 0.3),
        (0.5, 2, 2, 0.5),
        (0.25, 2, 2, 0.15625),  # 3 x^2 - 2 x^3
        (0.5, 0.5, 0.5, 0.5),  # the arcsine law: 2/pi asin(sqrt x)
        (0.25, 0.5, 0.5, 1 / 3),
        (0.9, 10, 1, 0.9**10),
        (0.1, 1, 10, 1 - 0.9**10),
        (0.5, 1000, 1000, 0.5),
        (0.0, 3, 4, 0.0),
        (1.0, 3, 4, 1.0),
    ],
)
def test_the_share_below_x_is_the_known_one(x: float, a: float, b: float, expected: float) -> None:
    assert cumulative(x, a, b) == pytest.approx(expected, rel=1e-11, abs=1e-15)


@pytest.mark.parametrize(
    ("share", "a", "b", "expected"),
    [
        (0.05, 1, 1, 0.05),
        (0.05, 2, 1, 0.05**0.5),
        (0.05, 21, 1, 0.05 ** (1 / 21)),
        (0.05, 1, 21, 1 - 0.95 ** (1 / 21)),
        (0.05, 2, 2, 0.13535),  # the root of 3 x^2 - 2 x^3 = 0.05
        (0.5, 7, 7, 0.5),
        (0.5, 0.5, 0.5, 0.5),
    ],
)
def test_a_quantile_is_the_known_one(share: float, a: float, b: float, expected: float) -> None:
    assert quantile(share, a, b) == pytest.approx(expected, rel=1e-4, abs=1e-12)


@given(st.integers(1, 40), st.integers(1, 40), st.fractions(0, 1, max_denominator=1000))
def test_the_share_equals_the_binomial_sum(a: int, b: int, x: Fraction) -> None:
    assert cumulative(float(x), a, b) == pytest.approx(_exact(x, a, b), rel=1e-9, abs=1e-13)


@given(st.floats(1e-3, 1 - 1e-3), st.floats(0.1, 500), st.floats(0.1, 500))
def test_the_two_sides_add_up_to_one(x: float, a: float, b: float) -> None:
    assert cumulative(x, a, b) + cumulative(1 - x, b, a) == pytest.approx(1, abs=1e-10)


@given(COUNTS, COUNTS, st.floats(0.001, 0.999))
def test_a_quantile_has_its_share_below_it(successes: int, failures: int, doubt: float) -> None:
    bound = lower_bound(successes, failures, doubt=doubt)
    assert cumulative(bound, successes + 1, failures + 1) == pytest.approx(doubt, abs=1e-9)


@given(COUNTS, COUNTS)
def test_a_success_raises_both_figures_and_a_failure_lowers_them(
    successes: int, failures: int
) -> None:
    for figure in (mean, lower_bound):
        assert figure(successes + 1, failures) > figure(successes, failures)
        assert figure(successes, failures + 1) < figure(successes, failures)


@given(COUNTS, COUNTS)
def test_the_bound_lies_below_the_mean_and_thin_evidence_keeps_it_low(
    successes: int, failures: int
) -> None:
    assert 0 < lower_bound(successes, failures) < mean(successes, failures) < 1
    assert lower_bound(successes, failures) <= 0.05 ** (1 / (successes + 1)) + 1e-12


def test_nothing_known_is_one_half_with_a_bound_of_5_percent() -> None:
    assert mean(0, 0) == 0.5
    assert lower_bound(0, 0) == pytest.approx(0.05)


def test_three_of_three_are_not_proof_and_sixty_of_sixty_nearly_are() -> None:
    assert lower_bound(3, 0) == pytest.approx(0.05**0.25)
    assert 0.47 < lower_bound(3, 0) < 0.48
    assert lower_bound(60, 0) > 0.95


@pytest.mark.parametrize("total", [10**4, 10**6, 10**9])
def test_large_records_are_counted_too(total: int) -> None:
    bound = lower_bound(total * 9 // 10, total // 10)
    assert bound == pytest.approx(0.9 - 1.645 * (0.09 / total) ** 0.5, rel=1e-3)
