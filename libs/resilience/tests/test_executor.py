import asyncio
from datetime import timedelta

import pytest

from grace.resilience import (
    CircuitOpen,
    ErrorClass,
    Executor,
    Executors,
    ExecutorSettings,
    NotStarted,
    OperationTimeout,
    RateLimit,
    RateLimited,
    RetryPolicy,
    State,
)

SETTINGS = ExecutorSettings(
    rate=RateLimit(rate=1000, burst=1000),
    timeout=timedelta(hours=1),
    observing=RetryPolicy(first=timedelta(microseconds=1), cap=timedelta(microseconds=1)),
)
AT_ONCE = timedelta(0)


class Clock:
    """A monotonic clock that moves when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Target:
    """A target that is up or down and counts who came."""

    def __init__(self) -> None:
        self.calls = 0
        self.is_up = True

    async def __call__(self) -> str:
        self.calls += 1
        if not self.is_up:
            raise ConnectionError("refused")
        return "done"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def executor(clock: Clock) -> Executor:
    return Executor("postgres/db-7", SETTINGS, clock=clock)


def transient(_error: Exception) -> ErrorClass:
    return ErrorClass.TRANSIENT


async def hangs() -> str:
    await asyncio.Event().wait()
    return "never"


async def break_down(executor: Executor, target: Target) -> None:
    target.is_up = False
    for _ in range(5):
        with pytest.raises(ConnectionError):
            await executor.run(target)


async def test_a_working_operation_returns_its_result(executor: Executor, target: Target) -> None:
    assert await executor.run(target) == "done"


async def test_the_operations_own_error_is_counted_and_passed_on(
    executor: Executor, target: Target
) -> None:
    target.is_up = False
    with pytest.raises(ConnectionError, match="refused"):
        await executor.run(target)
    assert executor.breaker.failures == 1


def test_an_operation_has_thirty_seconds_unless_somebody_says_otherwise() -> None:
    assert ExecutorSettings().timeout == timedelta(seconds=30)


async def test_an_apply_is_never_tried_twice(executor: Executor, target: Target) -> None:
    target.is_up = False
    with pytest.raises(ConnectionError):
        await executor.run(target)
    assert target.calls == 1


async def test_after_five_failures_the_target_is_left_alone(
    executor: Executor, target: Target, clock: Clock
) -> None:
    await break_down(executor, target)
    clock.now += 10
    with pytest.raises(CircuitOpen, match="postgres/db-7") as raised:
        await executor.run(target)
    assert target.calls == 5
    assert raised.value.wait == 20.0
    assert raised.value.error_class is ErrorClass.TRANSIENT


async def test_a_target_that_came_back_is_found_by_one_probe(
    executor: Executor, target: Target, clock: Clock
) -> None:
    await break_down(executor, target)
    clock.now += 30
    target.is_up = True
    assert await executor.run(target) == "done"
    assert executor.breaker.state is State.CLOSED


async def test_while_the_probe_is_out_nobody_else_passes(
    executor: Executor, target: Target, clock: Clock
) -> None:
    await break_down(executor, target)
    clock.now += 30
    probe = asyncio.create_task(executor.run(hangs))
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpen):
        await executor.run(target)
    probe.cancel()
    await asyncio.gather(probe, return_exceptions=True)


async def test_too_many_operations_are_refused_before_they_begin(
    clock: Clock, target: Target
) -> None:
    slow = ExecutorSettings(rate=RateLimit(rate=2, burst=1))
    executor = Executor("k/t", slow, clock=clock)
    await executor.run(target)
    with pytest.raises(RateLimited) as raised:
        await executor.run(target)
    assert (target.calls, raised.value.wait) == (1, 0.5)
    clock.now += 0.5
    assert await executor.run(target) == "done"


async def test_the_rate_limit_comes_before_the_breaker(clock: Clock, target: Target) -> None:
    executor = Executor("k/t", ExecutorSettings(rate=RateLimit(rate=1, burst=5)), clock=clock)
    await break_down(executor, target)
    with pytest.raises(RateLimited):
        await executor.run(target)


async def test_a_refusal_is_no_failure_of_the_target(clock: Clock, target: Target) -> None:
    executor = Executor("k/t", ExecutorSettings(rate=RateLimit(rate=1, burst=1)), clock=clock)
    await executor.run(target)
    for _ in range(10):
        with pytest.raises(NotStarted):
            await executor.run(target)
    assert executor.breaker.failures == 0


async def test_a_timeout_is_typed_and_counted(executor: Executor) -> None:
    with pytest.raises(OperationTimeout):
        await executor.run(hangs, timeout=AT_ONCE)
    assert executor.breaker.failures == 1


async def test_a_late_result_is_a_failure(executor: Executor, target: Target) -> None:
    with pytest.raises(OperationTimeout):
        await executor.run(target, timeout=AT_ONCE)
    assert (target.calls, executor.breaker.failures) == (1, 1)


async def test_a_caller_who_leaves_is_no_failure_of_the_target(executor: Executor) -> None:
    call = asyncio.create_task(executor.run(hangs))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert executor.breaker.failures == 0


async def test_observing_is_tried_again_and_every_try_is_counted(
    executor: Executor, target: Target
) -> None:
    target.is_up = False
    with pytest.raises(ConnectionError):
        await executor.observe(target, classify=transient)
    assert (target.calls, executor.breaker.failures) == (3, 3)


async def test_observing_ends_as_soon_as_the_circuit_opens(
    executor: Executor, target: Target
) -> None:
    target.is_up = False
    with pytest.raises(ConnectionError):
        await executor.observe(target, classify=transient)
    with pytest.raises(CircuitOpen):
        await executor.observe(target, classify=transient)
    assert target.calls == 5


async def test_an_open_circuit_is_not_waited_for(clock: Clock, target: Target) -> None:
    patient = ExecutorSettings(observing=RetryPolicy(first=timedelta(seconds=60)))
    executor = Executor("k/t", patient, clock=clock)
    await break_down(executor, target)
    with pytest.raises(CircuitOpen):
        await executor.observe(target, classify=transient, timeout=AT_ONCE)


async def test_what_does_not_pass_is_observed_once(executor: Executor, target: Target) -> None:
    target.is_up = False
    with pytest.raises(ConnectionError):
        await executor.observe(target, classify=lambda _error: ErrorClass.USER)
    assert target.calls == 1


async def test_one_timeout_bounds_all_tries_of_an_observation(clock: Clock, target: Target) -> None:
    patient = ExecutorSettings(observing=RetryPolicy(first=timedelta(seconds=60)))
    executor = Executor("k/t", patient, clock=clock)
    target.is_up = False
    with pytest.raises(OperationTimeout):
        await executor.observe(target, classify=transient, timeout=AT_ONCE)
    assert target.calls == 1


async def test_a_restart_does_not_close_an_open_circuit(executor: Executor, target: Target) -> None:
    await break_down(executor, target)
    later = Clock()
    later.now = 3.0
    reborn = Executor("postgres/db-7", SETTINGS, clock=later)
    reborn.restore(executor.snapshot(), idle=12.0)
    with pytest.raises(CircuitOpen) as raised:
        await reborn.run(target)
    assert raised.value.wait == pytest.approx(18.0)


async def test_one_broken_target_leaves_the_others_alone(clock: Clock, target: Target) -> None:
    executors = Executors(SETTINGS, clock=clock)
    await break_down(executors.of("postgres", "db-7"), target)
    target.is_up = True
    assert await executors.of("postgres", "db-8").run(target) == "done"
    assert await executors.of("docker", "db-7").run(target) == "done"
    with pytest.raises(CircuitOpen):
        await executors.of("postgres", "db-7").run(target)


def test_every_breaker_is_in_the_snapshots_of_all(clock: Clock) -> None:
    executors = Executors(SETTINGS, clock=clock)
    executor = executors.of("postgres", "db-7")
    executors.of("docker", "web")
    assert executors.of("postgres", "db-7") is executor
    assert executors.snapshots() == {
        ("postgres", "db-7"): executor.snapshot(),
        ("docker", "web"): executors.of("docker", "web").snapshot(),
    }
