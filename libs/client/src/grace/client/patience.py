"""When a request is sent again, and never sooner than Grace asked for.

Every request is safe to repeat: a question, one with an Idempotency-Key, or one that closes.
"""

from dataclasses import dataclass
from random import SystemRandom
from typing import TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_before_delay,
    wait_random_exponential,
)
from tenacity.asyncio import AsyncRetrying

from grace.client.errors import (
    ApiError,
    Conflict,
    GatewayTimeout,
    RateLimited,
    ServerFailed,
    Unavailable,
    Unreachable,
)

R = TypeVar("R", Retrying, AsyncRetrying)

_DICE = SystemRandom()


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and for how long a request is sent again. The first attempt counts."""

    attempts: int = 3
    seconds: float = 20.0  # No further attempt begins after this; a longer Retry-After ends it.
    shortest: float = 0.1  # The first pause; later ones double, with jitter.
    longest: float = 2.0

    def retrying(self, kind: type[R]) -> R:
        """Return the loop of tenacity that sends one request."""
        return kind(
            retry=retry_if_exception(is_passing),
            wait=self._pause,
            stop=stop_after_attempt(self.attempts) | stop_before_delay(self.seconds),
            reraise=True,
        )

    def _pause(self, state: RetryCallState) -> float:
        """Jitter keeps many clients apart; it is added to what Grace asked for, never taken off."""
        jitter = wait_random_exponential(multiplier=self.shortest, max=self.longest)(state)
        return demanded(state.outcome.exception() if state.outcome else None) + jitter


def is_passing(error: BaseException) -> bool:
    """Whether the same request may be answered otherwise in a moment."""
    match error:
        case Unreachable() | RateLimited() | Unavailable() | GatewayTimeout():
            return True
        case ServerFailed(status=502):  # a proxy on the way
            return True
        case Conflict():  # with a pause: the first attempt is still in hand
            return error.retry_after is not None
        case _:
            return False


def demanded(error: BaseException | None) -> float:
    """The pause that Grace asked for."""
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0


def jittered(seconds: float) -> float:
    """Keep many clients apart that lost the same gateway at the same moment."""
    return seconds * _DICE.uniform(1.0, 1.5)


def longer(pause: float) -> float:
    """The next pause of a long wait: what takes minutes need not be asked for five times a second."""
    return max(pause, min(pause * 1.1, 1.0))
