"""The life of a task: its states and the doors between them. The README draws this table."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where a task stands."""

    WAITING = "waiting"
    SCHEDULED = "scheduled"
    QUEUED = "queued"
    ASSIGNED = "assigned"
    RUNNING = "running"
    RETRYING = "retrying"
    NEEDS_ATTENTION = "needs_attention"
    JOINING = "joining"
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
    READY = "ready"
    DEFER = "defer"
    JOIN = "join"


_ENDS_OF_AN_ATTEMPT: Mapping[Event, State] = {
    Event.SUCCEED: State.SUCCEEDED,
    Event.FAIL: State.FAILED,
    Event.RETRY: State.RETRYING,
    Event.BURY: State.DEAD_LETTER,
    Event.CANCEL: State.CANCELLED,
    Event.PARK: State.NEEDS_ATTENTION,
    Event.JOIN: State.JOINING,
}

TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        # What it depends on has not succeeded. Whatever would end a parent lets it join its children.
        State.WAITING: {
            Event.READY: State.QUEUED,
            Event.DEFER: State.SCHEDULED,
            Event.EXPIRE: State.EXPIRED,
            Event.CANCEL: State.CANCELLED,
            Event.JOIN: State.JOINING,
        },
        # Its time has not come. Nobody may begin it, so that it cannot be late either.
        State.SCHEDULED: {
            Event.PROMOTE: State.QUEUED,
            Event.CANCEL: State.CANCELLED,
            Event.JOIN: State.JOINING,
        },
        State.QUEUED: {
            Event.ASSIGN: State.ASSIGNED,
            Event.EXPIRE: State.EXPIRED,
            Event.CANCEL: State.CANCELLED,
            Event.JOIN: State.JOINING,
        },
        # A completion may overtake its `started`, so both held states end alike.
        State.ASSIGNED: {Event.START: State.RUNNING, **_ENDS_OF_AN_ATTEMPT},
        State.RUNNING: _ENDS_OF_AN_ATTEMPT,
        State.RETRYING: {
            Event.PROMOTE: State.QUEUED,
            Event.EXPIRE: State.EXPIRED,
            Event.CANCEL: State.CANCELLED,
            Event.JOIN: State.JOINING,
        },
        # Left only by an operator.
        State.NEEDS_ATTENTION: {
            Event.RELEASE: State.QUEUED,
            Event.CANCEL: State.CANCELLED,
            Event.JOIN: State.JOINING,
        },
        # Its own work is over, and it ends when its children have ended.
        State.JOINING: {
            Event.SUCCEED: State.SUCCEEDED,
            Event.FAIL: State.FAILED,
            Event.CANCEL: State.CANCELLED,
            Event.EXPIRE: State.EXPIRED,
            Event.BURY: State.DEAD_LETTER,
        },
        State.SUCCEEDED: {},
        State.FAILED: {},
        State.CANCELLED: {},
        State.EXPIRED: {},
        State.DEAD_LETTER: {},
    }
)

BEGINNINGS = frozenset({State.QUEUED, State.SCHEDULED, State.WAITING})
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
