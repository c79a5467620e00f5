"""Keeps one failing target from hurting the rest: breaker, retry, rate limit, timeout, fallback."""

from .breaker import (
    TRANSITIONS,
    BreakerSettings,
    CircuitBreaker,
    Event,
    Snapshot,
    State,
    restore,
)
from .errors import CircuitOpen, NotStarted, OperationTimeout, RateLimited, ResilienceError
from .executor import Executor, Executors, ExecutorSettings
from .fallback import Degraded, Outcome, with_fallback
from .ratelimit import RateLimit, TokenBucket
from .retry import RETRYABLE, ErrorClass, RetryPolicy, retrying
from .timeout import deadline, is_over

__all__ = [
    "RETRYABLE",
    "TRANSITIONS",
    "BreakerSettings",
    "CircuitBreaker",
    "CircuitOpen",
    "Degraded",
    "ErrorClass",
    "Event",
    "Executor",
    "ExecutorSettings",
    "Executors",
    "NotStarted",
    "OperationTimeout",
    "Outcome",
    "RateLimit",
    "RateLimited",
    "ResilienceError",
    "RetryPolicy",
    "Snapshot",
    "State",
    "TokenBucket",
    "deadline",
    "is_over",
    "restore",
    "retrying",
    "with_fallback",
]
