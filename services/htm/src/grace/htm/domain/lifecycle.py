"""The life of a task: its states and the doors between them. The README draws this table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a task stands."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    RUNNING = "running"
    RETRYING = "retrying"
    NEEDS_ATTENTION = "needs_attention"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    DEAD_LETTER = "dead_letter"


class Event(StrEnum):
    """What can happen to a task."""

    ASSIGN = "assign"
    START = "start"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    BURY = "bury"
    PROMOTE = "promote"
    EXPIRE = "expire"
    CANCEL = "cancel"
    PARK = "park"
    RELEASE = "release"


_ENDS_OF_AN_ATTEMPT: Mapping[Event, State] = {
    Event.SUCCEED: State.SUCCEEDED,
    Event.FAIL: State.FAILED,
    Event.RETRY: State.RETRYING,
    Event.BURY: State.DEAD_LETTER,
    Event.CANCEL: State.CANCELLED,
    Event.PARK: State.NEEDS_ATTENTION,
}

TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        # Its time has not come. Nobody may begin it, so that it cannot be late either.
        State.SCHEDULED: {Event.PROMOTE: State.QUEUED, Event.CANCEL: State.CANCELLED},
        State.QUEUED: {
            Event.ASSIGN: State.ASSIGNED,
            Event.EXPIRE: State.EXPIRED,
            Event.CANCEL: State.CANCELLED,
        },
        # A completion may overtake its `started`, so both held states end alike.
        State.ASSIGNED: {Event.START: State.RUNNING, **_ENDS_OF_AN_ATTEMPT},
        State.RUNNING: _ENDS_OF_AN_ATTEMPT,
        State.RETRYING: {
            Event.PROMOTE: State.QUEUED,
            Event.EXPIRE: State.EXPIRED,
            Event.CANCEL: State.CANCELLED,
        },
        # Left only by an operator.
        State.NEEDS_ATTENTION: {Event.RELEASE: State.QUEUED, Event.CANCEL: State.CANCELLED},
        State.SUCCEEDED: {},
        State.FAILED: {},
        State.CANCELLED: {},
        State.EXPIRED: {},
        State.DEAD_LETTER: {},
    }
)

BEGINNINGS = frozenset({State.QUEUED, State.SCHEDULED})
"""How a task may come in."""
FINAL = frozenset(state for state, doors in TRANSITIONS.items() if not doors)
HELD = frozenset({State.ASSIGNED, State.RUNNING})
"""A worker owns the task under a lease."""


class IllegalMove(Exception):
    """The table has no such door: a bug in the rules, never an outcome."""


def after(state: State, event: Event) -> State:
    """Return where the event leads; IllegalMove when the state has no door for it."""
    try:
        return TRANSITIONS[state][event]
    except KeyError:
        raise IllegalMove(f"{state} has no door for {event}") from None
