"""Whether and when to try again.

`RetryPolicy` decides and is pure. `retrying` runs such a policy around connecting and observing.
Never put it around an apply: only who has observed the world may repeat a change.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import uniform

from tenacity import AsyncRetrying, RetryCallState


class ErrorClass(StrEnum):
    """What kind of failure it was; it decides whether another attempt makes sense."""

    TRANSIENT = "transient"  # the network, a restart, a lock: it passes
    SYSTEM = "system"  # the target is ill: it may recover
    TIMEOUT = "timeout"  # no answer in time
    VALIDATION = "validation"  # the input is wrong and stays wrong
    USER = "user"  # a person has to do something first
    NONRETRYABLE = "nonretryable"  # whoever raised it knows that trying again is useless
    UNDECIDED = "undecided"  # nobody can know whether it took effect: another try would guess


RETRYABLE = frozenset({ErrorClass.TRANSIENT, ErrorClass.SYSTEM, ErrorClass.TIMEOUT})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff: `first`, doubled each time, up to `cap`, spread by `spread`.

    ValueError unless max_attempts >= 1, 0 < first <= cap and 0 <= spread < 1.
    """

    max_attempts: int = 3
    first: timedelta = timedelta(seconds=1)
    cap: timedelta = timedelta(seconds=60)
    spread: float = 0.2  # +-20 %: enough that a herd does not come back as one

    def __post_init__(self) -> None:
        ordered = timedelta(0) < self.first <= self.cap
        if self.max_attempts < 1 or not ordered or not 0 <= self.spread < 1:
            raise ValueError("not a retry policy: attempts, delays or spread out of range")

    def next_delay(self, attempt: int, error_class: ErrorClass, jitter: float) -> timedelta | None:
        """Return how long to wait after attempt number `attempt` failed; None: do not retry.

        `attempt` counts from 1. `jitter` in [-1, 1] is a fresh random number from the caller.
        The cap is put on the delay before jitter, so that a herd at the cap is spread too.
        ValueError if either is out of range.
        """
        if attempt < 1 or not -1 <= jitter <= 1:
            raise ValueError(f"no attempt {attempt} with jitter {jitter}")
        if attempt >= self.max_attempts or error_class not in RETRYABLE:
            return None
        # 2^64 times any delay is above any cap; a larger power could overflow.
        doubled = self.first.total_seconds() * 2.0 ** min(attempt - 1, 64)
        nominal = min(doubled, self.cap.total_seconds())
        return timedelta(seconds=nominal * (1 + self.spread * jitter))


def retrying(
    policy: RetryPolicy,
    classify: Callable[[Exception], ErrorClass],
    *,
    dice: Callable[[], float] = lambda: uniform(-1, 1),  # noqa: S311 - spreads load, guards nothing
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> AsyncRetrying:
    """Build a tenacity retryer for connecting and observing, to be called with the operation.

    The last failure is raised as it is. Cancellation is never retried. Not for an apply.
    """

    def delay(state: RetryCallState, jitter: float) -> timedelta | None:
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, Exception):
            return None
        return policy.next_delay(state.attempt_number, classify(error), jitter)

    def wait(state: RetryCallState) -> float:
        return (delay(state, dice()) or timedelta(0)).total_seconds()

    retryer = AsyncRetrying(
        retry=lambda state: delay(state, 0.0) is not None, wait=wait, reraise=True
    )
    return retryer if sleep is None else retryer.copy(sleep=sleep)
