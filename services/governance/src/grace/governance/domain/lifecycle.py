"""The states of an approval and the only doors between them."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    """Where an approval stands. All but `pending` are final."""

    PENDING = "pending"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"


class Event(StrEnum):
    """What can happen to an approval."""

    VOTE = "vote"  # An approval by one person, where more are needed.
    GRANT = "grant"
    REJECT = "reject"
    EXPIRE = "expire"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.PENDING: {
        Event.VOTE: State.PENDING,
        Event.GRANT: State.GRANTED,
        Event.REJECT: State.REJECTED,
        Event.EXPIRE: State.EXPIRED,
    },
    State.GRANTED: {},
    State.REJECTED: {},
    State.EXPIRED: {},
}
INITIAL = State.PENDING
FINAL = frozenset(state for state, exits in TRANSITIONS.items() if not exits)
