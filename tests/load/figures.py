"""Figures: what was measured, with how many values and how they spread, beside what is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass


class BenchError(Exception):
    """Something that is measured does not work, so there is no figure."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured thing. Percentiles are by nearest rank: each is a value that occurred."""

    name: str
    unit: str
    n: int
    mean: float
    p50: float
    p90: float
    p99: float
    min: float
    max: float


def figure(name: str, unit: str, values: Sequence[float]) -> Figure:
    """Sum up values. BenchError when there is none, or one that is no number."""
    if not values or not all(math.isfinite(value) for value in values):
        raise BenchError(f"{name}: {len(values)} values, and not all are numbers")
    ranked = sorted(values)
    p50, p90, p99 = (_rounded(percentile(ranked, share)) for share in (0.5, 0.9, 0.99))
    low, high = _rounded(ranked[0]), _rounded(ranked[-1])
    mean = _rounded(math.fsum(ranked) / len(ranked))
    return Figure(name, unit, len(ranked), mean, p50, p90, p99, low, high)


def percentile(ranked: Sequence[float], share: float) -> float:
    """The value at that share of a sorted list, by nearest rank."""
    return ranked[max(0, math.ceil(share * len(ranked)) - 1)]


def _rounded(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) < 1000 else round(value)


@dataclass(frozen=True, slots=True)
class Goal:
    """A row of the performance table of the requirements: which statistic of which figure."""

    row: str
    figure: str
    statistic: str
    target: float
    acceptable: float
    critical: float
    lower_is_better: bool = True

    def grade(self, value: float) -> str:
        """One word for where a value lies; `poor` is between acceptable and critical."""
        sign = 1 if self.lower_is_better else -1
        bounds = (("target", self.target), ("acceptable", self.acceptable))
        for word, bound in bounds:
            if sign * value < sign * bound:
                return word
        return "critical" if sign * value > sign * self.critical else "poor"


GOALS = (
    Goal("R4-57", "users.latency", "mean", 200, 500, 1000),
    Goal("R4-58", "users.latency", "max", 1000, 2000, 5000),
    Goal("R4-59", "users.error_rate", "max", 5, 10, 20),
    Goal("R4-60", "users.throughput", "mean", 100, 50, 20, lower_is_better=False),
    Goal("R4-61", "users.lock_wait", "max", 100, 500, 2000),
    # The row names no statistic: its mean is what R4-57 names, the p99 is stricter than any row.
    Goal("R4-62", "users.event_lag", "mean", 50, 200, 1000),
    Goal("R4-62", "users.event_lag", "p99", 50, 200, 1000),
)


def graded(figures: Mapping[str, Figure]) -> Iterator[dict[str, object]]:
    """Every goal whose figure was measured, with the value and its grade."""
    for goal in GOALS:
        found = figures.get(goal.figure)
        if found is not None:
            value = getattr(found, goal.statistic)
            yield {**asdict(goal), "value": value, "grade": goal.grade(value)}
