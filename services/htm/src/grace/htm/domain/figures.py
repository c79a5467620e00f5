"""Figures of ended tasks: counts that add up, and the rates that follow from them."""

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Counts:
    """How tasks ended. `breached` ended late, and were not cancelled."""

    tasks: int = 0
    succeeded: int = 0
    failed: int = 0
    dead_letter: int = 0
    expired: int = 0
    cancelled: int = 0
    attempts: int = 0
    retried: int = 0
    retried_succeeded: int = 0
    lapses: int = 0
    breached: int = 0


def total_of(counts: Iterable[Counts]) -> Counts:
    """Add counts up."""
    every = list(counts)
    return Counts(*(sum(getattr(each, field.name) for each in every) for field in fields(Counts)))


def success_rate(counts: Counts) -> float | None:
    """Succeeded, of those that nobody cancelled; None where there are none."""
    judged = counts.tasks - counts.cancelled
    return counts.succeeded / judged if judged else None


def sla_rate(counts: Counts) -> float | None:
    """Ended in time, of those that nobody cancelled; None where there are none."""
    judged = counts.tasks - counts.cancelled
    return (judged - counts.breached) / judged if judged else None
