"""What a task's report measures: in time and readable, or why there is nothing."""

from datetime import datetime

from grace.verification.domain.state import read_measured
from grace.verification.domain.task import Outcome, Report, attempts_in_words
from grace.verification.domain.verdict import Measured, Reading, Unmeasured


def reading_of(report: Report, *, deadline: datetime, now: datetime) -> Reading | None:
    """Return the measurement that a task brought, or None while it may still come."""
    match report.outcome:
        case Outcome.PENDING:
            return Unmeasured("it took too long") if now > deadline else None
        case Outcome.SUCCEEDED:
            return _taken(report, deadline)
        case _:
            return Unmeasured(why(report))


def why(report: Report) -> str:
    """Return one line on why a task did not succeed."""
    counted = attempts_in_words(report.attempt_number)
    return f"{report.error or report.outcome.value} ({counted})"


def _taken(report: Report, deadline: datetime) -> Reading:
    if report.finished_at is None or report.finished_at > deadline:
        return Unmeasured("it came too late to tell about the action")
    state = read_measured(report.result)
    return Unmeasured("its result cannot be read") if state is None else Measured(state)
