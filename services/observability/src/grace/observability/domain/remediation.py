"""Remediation: which failed runs become an intent, and what became of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

_VERIFIED = "verified"
REOPENED = "reopened"  # the outcome where a later look found the fault back


class State(StrEnum):
    """Where a remediation stands."""

    DUE = "due"  # the run has failed; its target is looked up
    SKIPPED = "skipped"  # it cannot become an intent; the reason says why
    OPEN = "open"  # an intent was submitted
    VERIFIED = "verified"  # executed, measured, and it held
    FAILED = "failed"  # every other end, or a later look found the fault back


class Event(StrEnum):
    """What can happen to a remediation."""

    SKIP = "skip"
    SUBMIT = "submit"
    VERIFY = "verify"
    FAIL = "fail"
    REOPEN = "reopen"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.DUE: {Event.SKIP: State.SKIPPED, Event.SUBMIT: State.OPEN},
        State.OPEN: {Event.VERIFY: State.VERIFIED, Event.FAIL: State.FAILED},
        State.SKIPPED: {},
        State.VERIFIED: {Event.REOPEN: State.FAILED},
        State.FAILED: {},
    }
)
FIRST = State.DUE
FINAL = frozenset(state for state, exits in TRANSITIONS.items() if not exits)


@dataclass(frozen=True, slots=True)
class Remediation:
    """A failed run and what is done about it."""

    remediation_id: str
    tenant: str
    run_id: str
    suite: str
    kind: str
    target: str
    status: State
    due_at: datetime
    failed_at: datetime  # when the run said so
    submitted_at: datetime | None = None
    closed_at: datetime | None = None
    mission_id: str | None = None
    outcome: str | None = None
    reason: str | None = None


class Submit:
    """It becomes an intent."""


class Wait:
    """Nobody could say which targets there are."""


@dataclass(frozen=True, slots=True)
class Skip:
    """It does not become an intent."""

    reason: str


Choice = Submit | Wait | Skip


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a failure is news, and how long others may take to answer."""

    window: timedelta
    patience: timedelta


@dataclass(frozen=True, slots=True)
class Progress:
    """What intent says of a submitted one; None where it does not know it."""

    mission_id: str
    status: str
    ended: bool
    reason: str | None
    reopened: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a remediation ended."""

    status: State
    outcome: str
    reason: str | None = None


def may_submit(
    remediation: Remediation, targets: Collection[str] | None, *, now: datetime, limits: Limits
) -> Choice:
    """A failure is acted on while it is news, and on a registered target only."""
    if remediation.due_at - remediation.failed_at > limits.window:
        return Skip("the failure was told too late: it may be over")
    if targets is None:
        silent = now - remediation.due_at > limits.patience
        return Skip("no worker said in time which targets it knows") if silent else Wait()
    if remediation.target not in targets:
        return Skip(f"{remediation.target} is no registered target: register it with a worker")
    return Submit()


def is_ended_by(remediation: Remediation, closed_at: datetime) -> bool:
    """Tell whether an end answers it: what it was submitted after is the end of something else."""
    return remediation.submitted_at is None or remediation.submitted_at <= closed_at


def outcome_of(status: str, reason: str | None = None) -> Outcome:
    """Verified is verified; every other end, and every word from the future, is a failure."""
    state = State.VERIFIED if status == _VERIFIED else State.FAILED
    return Outcome(state, status, reason)


def on_progress(
    remediation: Remediation, progress: Progress | None, *, now: datetime, limits: Limits
) -> Outcome | None:
    """None while it goes on."""
    if progress is not None:
        if not progress.ended:
            return None
        status = REOPENED if progress.reopened else progress.status
        return outcome_of(status, progress.reason)
    submitted_at = remediation.submitted_at or remediation.due_at
    if now - submitted_at > limits.patience:
        return Outcome(
            State.FAILED, "not_taken_in", "intent has never taken it in: see its quarantine"
        )
    return None
