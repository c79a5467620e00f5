"""Service levels: how much room a task has before its deadline. Seconds throughout."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Sla(StrEnum):
    """How a task stands to its deadline."""

    OK = "ok"
    AT_RISK = "at_risk"
    BREACHED = "breached"


@dataclass(frozen=True, slots=True)
class Timing:
    """What a service level is judged by; `usual` is the p95 of the execution time of its type."""

    now: datetime
    deadline: datetime
    usual: float
    finished_at: datetime | None = None


def buffer_of(timing: Timing) -> float:
    """What is left when the usual time has passed; of an ended task what was left at its end."""
    if timing.finished_at is not None:
        return (timing.deadline - timing.finished_at).total_seconds()
    return (timing.deadline - timing.now).total_seconds() - timing.usual


def sla_of(timing: Timing, before: Sla = Sla.OK) -> Sla:
    """Where a task stands, given where it stood.

    Its end alone decides an ended one. An open one never recovers: the usual time moves by the
    hour, and a level that flickers says nothing.
    """
    if timing.finished_at is not None:
        return Sla.BREACHED if timing.finished_at > timing.deadline else Sla.OK
    if before is Sla.BREACHED or timing.now > timing.deadline:
        return Sla.BREACHED
    if before is Sla.AT_RISK or buffer_of(timing) < 0:
        return Sla.AT_RISK
    return Sla.OK
