"""What `make bench-htm` says of each system and mode, and the bars that Grace's rows are held against."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from load.claims import Claims
from load.figures import BenchError, percentile

GRACE, RAW = "grace", "raw-postgres"
DURABLE = ("dbos", "procrastinate", "celery-durable")
MEASURED = (
    "tasks_per_s", "enqueue_per_s", "p50_ms", "p95_ms", "p99_ms", "peak_rss_mb",
    "executions_per_task",
)  # fmt: skip
_SINGLE_AT_LEAST = 2500
_LIMITS_COST = 0.15
_CLAIM_GROWTH = 2.0
_TIMES = {
    "dbos": 20.0,
    "procrastinate": 20.0,
    "celery-durable": 40.0,
    "taskiq-nats": 4.0,
    RAW: 0.45,
}

Row = dict[str, str | float]


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one round: until everything was submitted, and until everything had ended."""

    tasks_per_s: float
    enqueue_per_s: float


@dataclass(frozen=True, slots=True)
class Run:
    """One round of one system in one mode."""

    rates: Rates
    latencies: Sequence[float]
    peak_rss_mb: float
    executions_per_task: float

    def values(self) -> Mapping[str, float]:
        """By the names of the row."""
        ranked = sorted(self.latencies)
        p50, p95, p99 = (percentile(ranked, share) for share in (0.5, 0.95, 0.99))
        rates = self.rates
        return dict(zip(MEASURED, (
            rates.tasks_per_s, rates.enqueue_per_s, p50, p95, p99, self.peak_rss_mb,
            self.executions_per_task,
        ), strict=True))  # fmt: skip


def row_of(system: str, mode: str, runs: Sequence[Run]) -> Row:
    """The median of the runs under the name itself, the lowest and highest beside it."""
    if not runs:
        raise BenchError(f"{system} {mode}: there is no run")
    row: Row = {"system": system, "mode": mode, "runs": len(runs)}
    for name in MEASURED:
        values = [run.values()[name] for run in runs]
        row |= {name: _short(median(values)), f"{name}_min": _short(min(values)),
                f"{name}_max": _short(max(values))}  # fmt: skip
    return row


def _short(value: float) -> float:
    return float(f"{value:.4g}") if abs(value) < 1000 else round(value)


@dataclass(frozen=True, slots=True)
class Bar:
    """Something that Grace has to reach, by figures of one run; `met` is None without them."""

    bar: str
    wanted: str
    found: float | None
    met: bool | None


def bars_of(rows: Sequence[Row], claims: Claims | None = None) -> Iterator[Bar]:
    """Every bar, also those of a system that is not there."""
    table = {(str(row["system"]), str(row["mode"])): row for row in rows}
    for system, times in _TIMES.items():
        ratio = _ratio(table, (GRACE, "batch"), (system, "batch"), "tasks_per_s")
        yield _at_least(f"tasks_per_s, batch: grace / {system}", ratio, times)
    single = table.get((GRACE, "single"))
    found = None if single is None else float(single["tasks_per_s"])
    yield _at_least("tasks_per_s, single: grace", found, _SINGLE_AT_LEAST)
    for system in DURABLE:
        for name in ("p50_ms", "p99_ms"):
            ratio = _ratio(table, (GRACE, "single"), (system, "single"), name)
            yield _below(f"{name}: grace / {system}", ratio, 1.0)
    kept = _ratio(table, (GRACE, "limits-on"), (GRACE, "batch"), "tasks_per_s")
    yield _below("cost of all limits, batch", None if kept is None else 1 - kept, _LIMITS_COST)
    grown = None if claims is None else claims.p99_ms / claims.empty_p99_ms
    met = None if grown is None else grown <= _CLAIM_GROWTH
    yield Bar("p99 of claims: full / empty table", f"<= {_CLAIM_GROWTH:g}", grown, met)


def _ratio(
    table: Mapping[tuple[str, str], Row], ours: tuple[str, str], theirs: tuple[str, str], name: str
) -> float | None:
    if ours not in table or theirs not in table:
        return None
    return float(table[ours][name]) / float(table[theirs][name])


def _at_least(bar: str, found: float | None, wanted: float) -> Bar:
    return Bar(bar, f">= {wanted:g}", found, None if found is None else found >= wanted)


def _below(bar: str, found: float | None, wanted: float) -> Bar:
    return Bar(bar, f"< {wanted:g}", found, None if found is None else found < wanted)
