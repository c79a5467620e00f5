"""A baseline's measurement: what its task's report makes of it."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from grace.verification.domain.state import State, number, numbers, read_measured
from grace.verification.domain.task import Outcome, Report
from grace.verification.domain.verdict import Reading, Unmeasured


@dataclass(frozen=True, slots=True)
class Unsubmitted:
    """htm does not know the task: submit it; once more is the same task."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The measurement is under way."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The healthy state, as measured."""

    measured: State
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class Failed:
    """There is no baseline, and why."""

    reason: str


Settled: TypeAlias = Unsubmitted | Waiting | Stored | Failed


def settle(report: Report | None) -> Settled:
    """Return what becomes of a baseline. Nothing but a finished measurement with numbers is one."""
    if report is None:
        return Unsubmitted()
    if report.outcome is Outcome.PENDING:
        return Waiting()
    if report.outcome is not Outcome.SUCCEEDED or report.finished_at is None:
        return Failed(report.error or report.outcome.value)
    return stored(read_measured(report.result), measured_at=report.finished_at)


def settle_reading(reading: Reading, *, now: datetime) -> Settled:
    """Return what becomes of a baseline that verification has measured itself."""
    if isinstance(reading, Unmeasured):
        return Failed(reading.why)
    return stored(reading.state, measured_at=now)


def stored(measured: State | None, *, measured_at: datetime) -> Settled:
    """Return the baseline that a measurement is, if it holds any number and does not say that it failed.

    A page that answers 503 has a status, and a check that fails has an exit code: what they show is no
    healthy state, and every run that finds them so again would have passed.
    """
    if measured is None or not numbers(measured):
        return Failed("the measurement holds no number")
    if number(measured.get("ok")) == 0:
        told = ", ".join(f"{name} {value:g}" for name, value in _ends(measured).items())
        return Failed(f"what was measured says that it is not well: {told}")
    return Stored(measured, measured_at)


def _ends(measured: State) -> dict[str, float]:
    """Return how an answer or a command says that it ended."""
    found = numbers(measured)
    return {name: found[name] for name in ("ok", "status", "exit_code") if name in found}
