"""Whether what was measured afterwards lies lower than what was measured before: Mann-Whitney's U.

One-sided, on ranks, so that neither a unit nor an outlier decides. Ties share their mean rank. Small
samples get the exact distribution over all ways to deal the ranks out; larger ones the normal
approximation with the corrections for ties and for continuity.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

MOST_EXACT: Final = 24
"""Samples of both sides: the exact distribution takes some ten milliseconds up to here."""
MOST_SAMPLES: Final = 1000
"""Of a baseline: what a contract carries. Of one take: what its source may tell."""
MOST_AFTER: Final = 50_000
"""Of all takes together: ranking them takes some tenths of a second up to here."""


@dataclass(frozen=True, slots=True)
class Shift:
    """How the after-sample lies: `p` is how often chance alone puts it as low, or lower.

    `least` is the smallest p that samples of these sizes and ties could show at all.
    """

    u: float
    p: float
    least: float


def lower(after: Sequence[float], before: Sequence[float]) -> Shift:
    """Test whether `after` lies lower than `before`; ValueError where one of them is empty."""
    if not after or not before:
        raise ValueError("both samples need at least one number")
    ranks, ties = _ranks([*after, *before])
    count, smallest = len(after), len(after) * (len(after) + 1) / 2
    u = sum(ranks[:count]) - smallest
    lowest = sum(sorted(ranks)[:count]) - smallest
    if len(ranks) <= MOST_EXACT:
        below = _exact(ranks, count)
        return Shift(u, below[round(2 * (u + smallest))], below[round(2 * (lowest + smallest))])
    sizes = (count, len(before))
    return Shift(u, _normal(u, sizes, ties), _normal(lowest, sizes, ties))


def higher(after: Sequence[float], before: Sequence[float]) -> Shift:
    """Test whether `after` lies higher than `before`."""
    return lower([-value for value in after], [-value for value in before])


def _ranks(values: Sequence[float]) -> tuple[list[float], list[int]]:
    """Return the rank of each value, equal ones sharing the mean of theirs, and the ties' sizes."""
    times = Counter(values)
    ordered = sorted(times)
    ends = list(accumulate(times[value] for value in ordered))
    shared = {value: end - (times[value] - 1) / 2 for value, end in zip(ordered, ends, strict=True)}
    return [shared[value] for value in values], list(times.values())


def _exact(ranks: Sequence[float], count: int) -> list[float]:
    """Return the share of all choices of `count` ranks by their doubled sum, or below it."""
    doubled = [round(2 * rank) for rank in ranks]
    most = sum(sorted(doubled)[-count:])
    ways = [[0] * (most + 1) for _ in range(count + 1)]
    ways[0][0] = 1
    for rank in doubled:
        for chosen in range(count, 0, -1):
            fewer, here = ways[chosen - 1], ways[chosen]
            for total in range(most, rank - 1, -1):
                here[total] += fewer[total - rank]
    all_ways = math.comb(len(ranks), count)
    return [below / all_ways for below in accumulate(ways[count])]


def _normal(u: float, sizes: tuple[int, int], ties: Sequence[int]) -> float:
    n, m = sizes
    total = n + m
    tied = sum(size**3 - size for size in ties) / (total * (total - 1))
    variance = n * m / 12 * (total + 1 - tied)
    if variance <= 0:
        return 1.0  # every value is the same
    z = (u - n * m / 2 + 0.5) / math.sqrt(variance)
    return 0.5 * math.erfc(-z / math.sqrt(2))
