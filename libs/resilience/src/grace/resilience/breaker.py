"""The circuit breaker: a target that keeps failing is left alone, then tried with one probe.

A frozen value that knows no clock: the caller passes `now`, monotonic seconds, and keeps the
value each method returns. Picture in the README.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from math import isfinite
from typing import TypedDict, assert_never


class State(StrEnum):
    """Whether calls pass."""

    CLOSED = "closed"  # all pass
    OPEN = "open"  # none pass
    HALF_OPEN = "half_open"  # one probe is out


class Event(StrEnum):
    """What moves a breaker from one state to the next."""

    TRIP = "trip"  # the last tolerated failure came
    PROBE = "probe"  # the pause is over and a call goes out to see
    RECOVER = "recover"  # the probe succeeded
    RELAPSE = "relapse"  # the probe failed


TRANSITIONS: Mapping[State, Mapping[Event, State]] = {
    State.CLOSED: {Event.TRIP: State.OPEN},
    State.OPEN: {Event.PROBE: State.HALF_OPEN},
    State.HALF_OPEN: {
        Event.RECOVER: State.CLOSED,
        Event.RELAPSE: State.OPEN,
        # The probe never reported (its process died, its caller left): another may go.
        Event.PROBE: State.HALF_OPEN,
    },
}


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a circuit opens and for how long; ValueError if either is not positive."""

    failures: int = 5  # in a row; fewer would open on one bad batch
    open_for: timedelta = timedelta(seconds=30)  # as long as one operation may take

    def __post_init__(self) -> None:
        if self.failures < 1 or self.open_for <= timedelta(0):
            raise ValueError("a breaker needs at least one failure and a positive pause")


class Snapshot(TypedDict):
    """A breaker at rest, for a table row or JSON. `elapsed`: seconds spent in this state."""

    state: str
    failures: int
    elapsed: float
    generation: int


@dataclass(frozen=True, slots=True)
class CircuitBreaker:
    """One target's breaker. `since`: when it entered its state; `failures`: in a row, if closed.

    `generation` counts state changes. A call remembers the one it began in; the result of a
    call from an earlier generation changes nothing, so what was sent before the circuit opened
    can neither close it nor spoil the probe.
    """

    settings: BreakerSettings = field(default_factory=BreakerSettings)
    state: State = State.CLOSED
    since: float = 0.0
    failures: int = 0
    generation: int = 0

    def __post_init__(self) -> None:
        limit = self.settings.failures if self.state is State.CLOSED else 1
        if not 0 <= self.failures < limit or self.generation < 0 or not isfinite(self.since):
            raise ValueError("not a state that a breaker can be in")

    def may_try(self, now: float) -> bool:
        """Tell whether a call may begin now."""
        return self.wait(now) == 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until a call may begin; 0.0 if it may now."""
        if self.state is State.CLOSED:
            return 0.0
        return max(0.0, self.since + self.settings.open_for.total_seconds() - now)

    def started(self, now: float) -> "CircuitBreaker":
        """Record that a call begins; its result is reported with this breaker's `generation`.

        ValueError if `may_try` says no: asking first is the caller's duty.
        """
        if not self.may_try(now):
            raise ValueError("the circuit is open")
        return self if self.state is State.CLOSED else self._move(Event.PROBE, now)

    def succeeded(self, now: float, *, generation: int) -> "CircuitBreaker":
        """Record that a call begun in `generation` succeeded."""
        if generation != self.generation:
            return self
        match self.state:
            case State.CLOSED:
                return replace(self, failures=0)
            case State.HALF_OPEN:
                return self._move(Event.RECOVER, now)
            case State.OPEN:
                return self
            case unknown:
                assert_never(unknown)

    def failed(self, now: float, *, generation: int) -> "CircuitBreaker":
        """Record that a call begun in `generation` failed."""
        if generation != self.generation:
            return self
        match self.state:
            case State.CLOSED if self.failures + 1 < self.settings.failures:
                return replace(self, failures=self.failures + 1)
            case State.CLOSED:
                return self._move(Event.TRIP, now)
            case State.HALF_OPEN:
                return self._move(Event.RELAPSE, now)
            case State.OPEN:
                return self
            case unknown:
                assert_never(unknown)

    def snapshot(self, now: float) -> Snapshot:
        """Return what to store. Monotonic time means nothing elsewhere, so it says how long ago."""
        return {
            "state": self.state.value,
            "failures": self.failures,
            "elapsed": max(0.0, now - self.since),
            "generation": self.generation,
        }

    def _move(self, event: Event, now: float) -> "CircuitBreaker":
        state = TRANSITIONS[self.state][event]
        return replace(self, state=state, since=now, failures=0, generation=self.generation + 1)


def restore(
    snapshot: Snapshot, now: float, *, settings: BreakerSettings, idle: float = 0.0
) -> CircuitBreaker:
    """Return the breaker as it was, with the `idle` seconds that its snapshot lay stored.

    A lower threshold than the snapshot's count leaves one failure to go. A probe that was out
    is given up after the usual pause. Negative `idle` is none: the clock went back meanwhile.
    ValueError if no breaker could have written this.
    """
    failures = min(snapshot["failures"], settings.failures - 1)
    return CircuitBreaker(
        settings=settings,
        state=State(snapshot["state"]),
        since=now - snapshot["elapsed"] - max(0.0, idle),
        failures=failures,
        generation=snapshot["generation"],
    )
