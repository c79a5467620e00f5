"""The token bucket: so many operations per second, with a burst.

A frozen value that knows no clock: the caller passes `now`, monotonic seconds, and keeps the
bucket that `take` returns.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How fast is fine: `rate` tokens per second, at most `burst` saved up.

    ValueError unless rate > 0 and burst >= 1.
    """

    rate: float = 10.0  # operations per second on one target: far above healing, far below harm
    burst: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf") or not 1 <= self.burst < float("inf"):
            raise ValueError("a rate limit needs a positive rate and a burst of at least one")


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """How many `tokens` were there `at` that moment. A new bucket comes from `full`."""

    limit: RateLimit
    tokens: float
    at: float

    @classmethod
    def full(cls, limit: RateLimit, now: float) -> "TokenBucket":
        """Return a bucket with its whole burst to spend."""
        return cls(limit, limit.burst, now)

    def take(self, now: float, n: float = 1.0) -> tuple["TokenBucket", float]:
        """Take `n` tokens and return (bucket, 0.0), or none and (bucket, seconds until they fit).

        A clock that goes back refills nothing. ValueError unless 0 < n <= burst.
        """
        if not 0 < n <= self.limit.burst:
            raise ValueError(f"{n} tokens never fit into a burst of {self.limit.burst}")
        filled = self._refilled(now)
        if filled.tokens < n:
            return filled, (n - filled.tokens) / self.limit.rate
        return replace(filled, tokens=filled.tokens - n), 0.0

    def _refilled(self, now: float) -> "TokenBucket":
        earned = max(0.0, now - self.at) * self.limit.rate
        return replace(
            self, tokens=min(self.limit.burst, self.tokens + earned), at=max(now, self.at)
        )
