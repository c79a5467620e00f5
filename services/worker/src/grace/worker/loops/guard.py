"""Puts the executor of (kernel, target) around every operation and keeps its breaker stored."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Generic, TypeVar

from grace.kit import Runtime
from grace.kit.database import TRANSIENT
from grace.resilience.executor import Executor, Executors, ExecutorSettings
from grace.resilience.ratelimit import RateLimit
from grace.resilience.retry import RETRYABLE
from grace.worker.domain.failure import classify
from grace.worker.store import Breakers

T = TypeVar("T")

# One effect takes four calls (plan, before, apply, after), one measurement takes one.
_SETTINGS = ExecutorSettings(rate=RateLimit(rate=20.0, burst=40.0))


@dataclass(frozen=True, slots=True)
class _Spared(Generic[T]):
    """A failure that says nothing about the target's health, on its way past the breaker."""

    error: Exception


class Guard:
    """All executors of this process."""

    def __init__(self) -> None:
        """Begin with none; `restore` takes up what an earlier process left."""
        self._executors = Executors(_SETTINGS)
        self._stored: dict[tuple[str, str], tuple[str, int, int]] = {}
        self._restored = False

    async def restore(self, runtime: Runtime) -> None:
        """Take up the breakers of the table, once."""
        if self._restored:
            return
        async with runtime.unit() as unit:
            breakers = await Breakers(unit.tx).read_breakers()
        for each in breakers:
            executor = self._executors.of(each.kernel, each.target)
            executor.restore(each.snapshot, idle=each.idle)
            self._stored[each.kernel, each.target] = _key(executor)
        self._restored = True

    async def change(
        self,
        runtime: Runtime,
        at: tuple[str, str],
        operation: Callable[[], Awaitable[T]],
        *,
        timeout: timedelta,
    ) -> T:
        """Try a change once, at (kernel, target)."""
        executor = self._executors.of(*at)
        try:
            return _unwrap(await executor.run(partial(_spare, operation), timeout=timeout))
        finally:
            await self._keep(runtime, at, executor)

    async def read(
        self,
        runtime: Runtime,
        at: tuple[str, str],
        operation: Callable[[], Awaitable[T]],
        *,
        timeout: timedelta,
    ) -> T:
        """Read the world at (kernel, target), again after a passing failure."""
        executor = self._executors.of(*at)
        try:
            found = await executor.observe(
                partial(_spare, operation), classify=classify, timeout=timeout
            )
            return _unwrap(found)
        finally:
            await self._keep(runtime, at, executor)

    async def _keep(self, runtime: Runtime, at: tuple[str, str], executor: Executor) -> None:
        """Store the breaker when it moved: a healthy target costs no write."""
        key = _key(executor)
        if self._stored.get(at, ("closed", 0, 0)) == key:
            return
        try:
            async with runtime.unit() as unit:
                await Breakers(unit.tx).store_breaker(*at, executor.snapshot())
        except TRANSIENT as error:
            # The operation's outcome matters more; the next one stores the breaker.
            runtime.log.warning("breaker.not_stored", target=at[1], error=repr(error))
        else:
            self._stored[at] = key


async def _spare(operation: Callable[[], Awaitable[T]]) -> T | _Spared[T]:
    """Turn refusals into values: only what tells of an ill target may open its circuit."""
    try:
        return await operation()
    except Exception as error:
        if classify(error) in RETRYABLE:
            raise
        return _Spared(error)


def _unwrap(outcome: T | _Spared[T]) -> T:
    if isinstance(outcome, _Spared):
        raise outcome.error
    return outcome


def _key(executor: Executor) -> tuple[str, int, int]:
    breaker = executor.breaker
    return breaker.state.value, breaker.failures, breaker.generation
