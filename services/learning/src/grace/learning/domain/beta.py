"""The Beta distribution of a success rate: its mean, and a bound that it exceeds for sure enough.

The regularised incomplete beta function is the continued fraction of the NIST Digital Library of
Mathematical Functions, 8.17.22 with 8.17.23 (https://dlmf.nist.gov/8.17#v), evaluated by Lentz's
method as modified by Thompson and Barnett (J. Comput. Phys. 64, 1986); where it converges slowly,
8.17.4 turns it around.
"""

from collections.abc import Iterator
from math import exp, lgamma, log, log1p

_PRECISION = 1e-14
_TINY = 1e-300  # in place of a zero that would be divided by
_STEPS = 100_000  # about the square root of a + b is needed: enough for billions of outcomes
_HALVINGS = 60  # of [0, 1]: below the spacing of doubles


def mean(successes: int, failures: int) -> float:
    """Return the posterior mean of the success rate after a uniform prior, Beta(1, 1)."""
    return (successes + 1) / (successes + failures + 2)


def lower_bound(successes: int, failures: int, *, doubt: float = 0.05) -> float:
    """Return the rate that the posterior exceeds with probability 1 - `doubt`."""
    return quantile(doubt, successes + 1, failures + 1)


def quantile(share: float, a: float, b: float) -> float:
    """Return the x with that share of Beta(a, b) below it, by halving; a, b > 0."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if cumulative(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def cumulative(x: float, a: float, b: float) -> float:
    """Return the share of Beta(a, b) at or below x, I_x(a, b); a, b > 0."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - cumulative(1 - x, b, a)
    weight = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    return exp(weight) / (a * _continued_fraction(x, a, b))


def _continued_fraction(x: float, a: float, b: float) -> float:
    """Return 1 + d1/(1 + d2/(1 + ..)): forwards, as the product of the ratios of two series."""
    value, numerator, denominator = 1.0, 1.0, 0.0
    for step, part in enumerate(_parts(x, a, b)):
        denominator = 1 / _nonzero(1 + part * denominator)
        numerator = _nonzero(1 + part / numerator)
        ratio = numerator * denominator
        value *= ratio
        if abs(ratio - 1) < _PRECISION:
            return value
        if step > _STEPS:
            break
    raise ArithmeticError(f"I_x(a, b) does not converge for x={x}, a={a}, b={b}")


def _parts(x: float, a: float, b: float) -> Iterator[float]:
    """Yield d1, d2, .. of 8.17.23."""
    m = 0
    while True:
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        m += 1
        yield m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))


def _nonzero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
