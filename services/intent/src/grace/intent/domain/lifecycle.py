"""The life of a mission as intent sees it: from the first error to its end."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class State(StrEnum):
    """Where an intent stands."""

    CAPTURED = "captured"  # an error has a mission; a plan is owed
    PLANNED = "planned"  # the plan is written and told
    BLOCKED = "blocked"  # no playbook can answer; the reason is told
    CLOSED = "closed"  # the mission has ended; its fingerprint is free


class Event(StrEnum):
    """What can happen to a mission."""

    PLAN = "plan"
    BLOCK = "block"
    CLOSE = "close"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.CAPTURED: {
            Event.PLAN: State.PLANNED,
            Event.BLOCK: State.BLOCKED,
            Event.CLOSE: State.CLOSED,
        },
        State.PLANNED: {Event.CLOSE: State.CLOSED},
        State.BLOCKED: {Event.CLOSE: State.CLOSED},
        State.CLOSED: {},
    }
)
FIRST = State.CAPTURED
FINAL = frozenset(state for state, exits in TRANSITIONS.items() if not exits)
OPEN = frozenset(State) - FINAL


def after(state: State, event: Event) -> State | None:
    """Return the state that the event leads to; None where it has no door."""
    return TRANSITIONS[state].get(event)
