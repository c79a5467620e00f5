"""What stands between a kernel and its target: rate limit, then timeout, then circuit breaker.

The breaker is innermost, so it counts every single try, those of a retried observation too.
`run` tries once. Retrying an apply is htm's business, because it needs an observation between
the two attempts; nothing in here ever repeats one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from .breaker import BreakerSettings, CircuitBreaker, Snapshot, restore
from .errors import CircuitOpen, NotStarted, RateLimited
from .ratelimit import RateLimit, TokenBucket
from .retry import ErrorClass, RetryPolicy, retrying
from .timeout import deadline, is_over

T = TypeVar("T")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """How one kernel treats one target; `timeout` bounds a whole operation, retries included."""

    rate: RateLimit = field(default_factory=RateLimit)
    timeout: timedelta = timedelta(seconds=30)
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    observing: RetryPolicy = field(default_factory=RetryPolicy)


class Executor:
    """Runs operations against one target, and keeps that target's bucket and breaker."""

    def __init__(
        self, name: str, settings: ExecutorSettings | None = None, *, clock: Clock = monotonic
    ) -> None:
        """Begin with a full bucket and a closed circuit; `name` is `kernel/target`."""
        self.name = name
        self._settings = settings or ExecutorSettings()
        self._clock = clock
        self._bucket = TokenBucket.full(self._settings.rate, clock())
        self._breaker = CircuitBreaker(self._settings.breaker, since=clock())

    @property
    def breaker(self) -> CircuitBreaker:
        """The breaker as it is now, a value."""
        return self._breaker

    def snapshot(self) -> Snapshot:
        """Return the breaker for the table that survives this process."""
        return self._breaker.snapshot(self._clock())

    def restore(self, snapshot: Snapshot, *, idle: float = 0.0) -> None:
        """Take up a stored breaker that lay for `idle` seconds, before the first operation.

        ValueError if no breaker could have written it.
        """
        self._breaker = restore(snapshot, self._clock(), settings=self._settings.breaker, idle=idle)

    async def run(
        self, operation: Callable[[], Awaitable[T]], *, timeout: timedelta | None = None
    ) -> T:
        """Try `operation` once, within the usual timeout or this one: every apply and revert.

        Raises RateLimited or CircuitOpen (nothing was begun), OperationTimeout (the effect is
        unknown), or whatever the operation raises, after the breaker counted it.
        """
        self._take_token()
        async with self._deadline(timeout) as limit:
            return await self._counted(operation, limit)

    async def observe(
        self,
        operation: Callable[[], Awaitable[T]],
        *,
        classify: Callable[[Exception], ErrorClass],
        timeout: timedelta | None = None,
    ) -> T:
        """Read the world, again after a passing failure, all within one token and one timeout.

        For operations without side effect only. Raises as `run` does, the last failure as it is.
        """

        def judge(error: Exception) -> ErrorClass:
            # An open circuit outlasts the few seconds that retries here may take.
            return ErrorClass.NONRETRYABLE if isinstance(error, NotStarted) else classify(error)

        self._take_token()
        async with self._deadline(timeout) as limit:
            # What goes well at once, nearly always, needs nothing that counts tries.
            try:
                return await self._counted(operation, limit)
            except Exception as error:  # noqa: BLE001 - judged below, raised where it is the last
                first = [error]

            async def again() -> T:
                if first:
                    raise first.pop()
                return await self._counted(operation, limit)

            return await retrying(self._settings.observing, judge)(again)

    def _take_token(self) -> None:
        self._bucket, wait = self._bucket.take(self._clock())
        if wait:
            raise RateLimited(self.name, wait)

    def _deadline(self, timeout: timedelta | None) -> AbstractAsyncContextManager[asyncio.Timeout]:
        return deadline(self._settings.timeout if timeout is None else timeout, self.name)

    async def _counted(self, operation: Callable[[], Awaitable[T]], limit: asyncio.Timeout) -> T:
        """Try once and let the breaker know how it went."""
        generation = self._admit()
        try:
            result = await operation()
        except BaseException as error:
            # A caller who leaves says nothing about the target; an error or a deadline does.
            if isinstance(error, Exception) or is_over(limit):
                self._report(generation, is_success=False)
            raise
        self._report(generation, is_success=not is_over(limit))
        return result

    def _admit(self) -> int:
        """Open the breaker's door or raise CircuitOpen; no await, so one probe stays one."""
        now = self._clock()
        if not self._breaker.may_try(now):
            raise CircuitOpen(self.name, self._breaker.wait(now))
        self._breaker = self._breaker.started(now)
        return self._breaker.generation

    def _report(self, generation: int, *, is_success: bool) -> None:
        count = self._breaker.succeeded if is_success else self._breaker.failed
        self._breaker = count(self._clock(), generation=generation)


class Executors:
    """One executor per (kernel, target), made at first use, so that no operation goes without."""

    def __init__(
        self, settings: ExecutorSettings | None = None, *, clock: Clock = monotonic
    ) -> None:
        """Give every executor the same settings and clock."""
        self._settings = settings or ExecutorSettings()
        self._clock = clock
        self._executors: dict[tuple[str, str], Executor] = {}

    def of(self, kernel: str, target: str) -> Executor:
        """Return the executor of this kernel and target, always the same one."""
        key = (kernel, target)
        if key not in self._executors:
            self._executors[key] = Executor(f"{kernel}/{target}", self._settings, clock=self._clock)
        return self._executors[key]

    def snapshots(self) -> dict[tuple[str, str], Snapshot]:
        """Return every breaker by (kernel, target), for the table that survives this process."""
        return {key: executor.snapshot() for key, executor in self._executors.items()}
