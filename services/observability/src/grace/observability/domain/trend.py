"""What the last runs of a suite come to, and where they are going: least squares over the runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grace.observability.domain.run import Figures, State

# Fewer points fit any line.
_FEWEST = 3
# What the fitted line must move by, first run to last, before it is called a direction.
_LATENCY_SHARE = 0.1  # of the mean p99
_ERROR_RATE = 0.01


class Direction(StrEnum):
    """Where a suite is going."""

    IMPROVING = "improving"
    STEADY = "steady"
    WORSENING = "worsening"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that has ended, or was lost."""

    run_id: str
    status: State
    ended_at: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class Trend:
    """The aggregate of a suite's last runs."""

    runs: int
    failed: int
    requests: int
    errors: int
    error_rate: float
    p99_ms: float | None
    worst_p99_ms: float | None
    direction: Direction
    p99_slope_ms: float | None
    error_rate_slope: float | None


def trend_of(runs: Sequence[Finished]) -> Trend:
    """Sum up runs that are ordered by their end. What did not pass has failed."""
    requests = sum(run.figures.requests for run in runs)
    errors = sum(run.figures.errors for run in runs)
    points = [
        (place, p99) for place, run in enumerate(runs) if (p99 := run.figures.p99_ms) is not None
    ]
    latencies = [p99 for _, p99 in points]
    p99_slope = slope(points)
    # A run that requested nothing has no rate: one that was lost at its start must not look better.
    rate_slope = slope(
        [(place, run.figures.error_rate) for place, run in enumerate(runs) if run.figures.requests]
    )
    mean = sum(latencies) / len(latencies) if latencies else None
    return Trend(
        runs=len(runs),
        failed=sum(run.status is not State.PASSED for run in runs),
        requests=requests,
        errors=errors,
        error_rate=errors / requests if requests else 0.0,
        p99_ms=mean,
        worst_p99_ms=max(latencies, default=None),
        direction=_direction(len(runs) - 1, p99_slope, mean, rate_slope),
        p99_slope_ms=p99_slope,
        error_rate_slope=rate_slope,
    )


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """The slope of the least-squares line; None for fewer than three points."""
    if len(points) < _FEWEST:
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def _direction(
    steps: int, p99_slope: float | None, p99_mean: float | None, rate_slope: float | None
) -> Direction:
    """One figure that worsens is enough; what improves must not hide it."""
    if rate_slope is None:
        return Direction.UNKNOWN
    moves = [rate_slope * steps / _ERROR_RATE]
    if p99_slope is not None and p99_mean:
        moves.append(p99_slope * steps / (p99_mean * _LATENCY_SHARE))
    if max(moves) > 1:
        return Direction.WORSENING
    return Direction.IMPROVING if min(moves) < -1 else Direction.STEADY
