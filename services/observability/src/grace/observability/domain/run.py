"""A stress run: what its runner tells of it, and when that is not to be believed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

# Clocks differ; a run that ends in the future has not ended.
_AHEAD = timedelta(minutes=5)
# A latency beyond eleven days is no latency, and sums of larger ones are no numbers.
_MOST_MS = 1e9


class State(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    LOST = "lost"  # not heard of for long: never a success, until its runner speaks again


class Event(StrEnum):
    """What can happen to a run."""

    HEAR = "hear"
    PASS = "pass"  # noqa: S105 - the verdict of a run
    FAIL = "fail"
    LOSE = "lose"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.RUNNING: {
            Event.HEAR: State.RUNNING,
            Event.PASS: State.PASSED,
            Event.FAIL: State.FAILED,
            Event.LOSE: State.LOST,
        },
        State.LOST: {
            Event.HEAR: State.RUNNING,
            Event.PASS: State.PASSED,
            Event.FAIL: State.FAILED,
        },
        State.PASSED: {},
        State.FAILED: {},
    }
)
FIRST = State.RUNNING
FINAL = frozenset(state for state, exits in TRANSITIONS.items() if not exits)


class RunKey(NamedTuple):
    """A run of a tenant."""

    tenant: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Subject:
    """Which run, and what it is about."""

    key: RunKey
    suite: str
    target: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted and measured since the start of a run."""

    requests: int = 0
    errors: int = 0
    p50_ms: float | None = None
    p99_ms: float | None = None
    mean_ms: float | None = None

    @property
    def error_rate(self) -> float:
        """Errors per request; 0 where nothing was requested."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How a run stood at an instant."""

    subject: Subject
    sequence: int
    at: datetime
    figures: Figures


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended."""

    subject: Subject
    status: State
    started_at: datetime
    ended_at: datetime
    figures: Figures
    failure_kind: str | None = None
    message: str | None = None

    @property
    def wants_remediation(self) -> bool:
        """Whether somebody could act on it: it failed, and says of what."""
        return self.status is State.FAILED and self.failure_kind is not None


def by_our_clock(ending: Ending, now: datetime) -> Ending:
    """Return an end that is no later than now: the last run is the last, whoever's clock is ahead."""
    return replace(
        ending, started_at=min(ending.started_at, now), ended_at=min(ending.ended_at, now)
    )


class Fault(NamedTuple):
    """Why a message about a run is refused."""

    reason: str
    detail: str


def fault_of_figures(figures: Figures) -> Fault | None:
    """What is impossible about the figures."""
    if figures.errors > figures.requests:
        return Fault("bad_figures", "errors is greater than requests: count every request")
    latencies = (figures.p50_ms, figures.p99_ms, figures.mean_ms)
    if any(each is not None and not 0 <= each <= _MOST_MS for each in latencies):
        return Fault("bad_figures", "a latency is not between 0 and 1e9 ms")
    return None


def fault_of_start(started_at: datetime, now: datetime) -> Fault | None:
    """What is impossible about the start."""
    if started_at > now + _AHEAD:
        return Fault("bad_times", "started_at is in the future: check the runner's clock")
    return None


def fault_of_ending(ending: Ending, now: datetime) -> Fault | None:
    """What is impossible about the end."""
    if ending.status not in FINAL:
        return Fault("no_verdict", "status must be passed or failed")
    if ending.ended_at < ending.started_at:
        return Fault("bad_times", "ended_at is before started_at")
    if ending.ended_at > now + _AHEAD:
        return Fault("bad_times", "ended_at is in the future: check the runner's clock")
    return fault_of_figures(ending.figures)
