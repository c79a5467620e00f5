"""Whether an attempt that did not succeed is followed by another, and when."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from grace.htm.domain.lifecycle import Event


class ErrorClass(StrEnum):
    """Why an attempt failed, in the worker's words."""

    TRANSIENT = "transient"
    SYSTEM = "system"
    TIMEOUT = "timeout"
    VALIDATION = "validation"
    USER = "user"
    NONRETRYABLE = "nonretryable"
    UNDECIDED = "undecided"  # nobody can know whether it took effect: another try would guess


_WORDS = frozenset(ErrorClass)
RETRYABLE = frozenset({ErrorClass.TRANSIENT, ErrorClass.SYSTEM, ErrorClass.TIMEOUT})


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long a task waits: doubled from `first` up to `longest`, spread by +-`spread`."""

    first: timedelta
    longest: timedelta
    spread: float

    def delay(self, count: int, *, jitter: float) -> timedelta:
        """Return the wait after the count-th trouble (from 1); jitter is in 0 .. 1."""
        doublings = min(count - 1, 20)  # beyond every sensible `longest`; more would overflow
        plain = min(self.first * (1 << doublings), self.longest)
        return plain * (1 + self.spread * (2 * jitter - 1))


@dataclass(frozen=True, slots=True)
class Policy:
    """How tasks are tried again: after which waits, and after which failures."""

    backoff: Backoff
    retryable: frozenset[ErrorClass] = RETRYABLE


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of types of tasks. A name that ends in `.*` stands for all types that begin like it."""

    ordinary: Policy
    special: Mapping[str, Policy] = field(default_factory=dict)

    def of(self, kind: str) -> Policy:
        """The policy of a type: its own, else that of the longest beginning of it, else the ordinary one."""
        names = (kind, *_families(kind)) if self.special else ()
        return next((self.special[name] for name in names if name in self.special), self.ordinary)


def _families(kind: str) -> Iterator[str]:
    parts = kind.split(".")
    for count in range(len(parts) - 1, 0, -1):
        yield f"{'.'.join(parts[:count])}.*"


@dataclass(frozen=True, slots=True)
class History:
    """What a task has been through; failures and lapses are counted apart."""

    attempt_number: int
    max_attempts: int
    failures: int
    lapses: int


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of the task; `delay` is how long a retry waits."""

    event: Event
    delay: timedelta | None = None


def class_of(word: str | None, *, retryable: bool | None, timed_out: bool) -> ErrorClass:
    """Return the class of a failure: the worker's own word, else its hint, else transient.

    A word that is not in the list counts as none: a newer worker may know more words.
    """
    if word is not None and word in _WORDS:
        return ErrorClass(word)
    if timed_out:
        return ErrorClass.TIMEOUT
    return ErrorClass.NONRETRYABLE if retryable is False else ErrorClass.TRANSIENT


def on_failure(
    history: History, error_class: ErrorClass, *, policy: Policy, jitter: float
) -> Ruling:
    """A failed attempt is retried while attempts remain and its class allows it.

    Where nobody can know whether it took effect, the task rests until an operator decides.
    """
    if error_class is ErrorClass.UNDECIDED:
        return Ruling(Event.PARK)
    if error_class not in policy.retryable:
        return Ruling(Event.FAIL)
    return _again(history, history.failures + 1, backoff=policy.backoff, jitter=jitter)


def on_lapse(history: History, *, policy: Policy, jitter: float) -> Ruling:
    """A lapsed attempt is retried while attempts remain: nobody knows how far it came."""
    return _again(history, history.lapses + 1, backoff=policy.backoff, jitter=jitter)


def _again(history: History, count: int, *, backoff: Backoff, jitter: float) -> Ruling:
    if history.attempt_number >= history.max_attempts:
        return Ruling(Event.BURY)
    return Ruling(Event.RETRY, backoff.delay(count, jitter=jitter))
