import json
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from grace.resilience import (
    TRANSITIONS,
    BreakerSettings,
    CircuitBreaker,
    Event,
    Snapshot,
    State,
    restore,
)

SETTINGS = BreakerSettings()
PAUSE = SETTINGS.open_for.total_seconds()
NEW = CircuitBreaker()

breakers = st.builds(
    lambda state, since, failures, generation: CircuitBreaker(
        SETTINGS, state, since, failures if state is State.CLOSED else 0, generation
    ),
    st.sampled_from(State),
    st.floats(min_value=0, max_value=1e6),
    st.integers(min_value=0, max_value=SETTINGS.failures - 1),
    st.integers(min_value=0, max_value=10),
)
moments = st.floats(min_value=0, max_value=2e6)


def fail(breaker: CircuitBreaker, *, times: int, now: float = 0.0) -> CircuitBreaker:
    for _ in range(times):
        breaker = breaker.failed(now, generation=breaker.generation)
    return breaker


OPEN = fail(NEW, times=5)
PROBING = OPEN.started(PAUSE)


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_every_state_can_be_reached() -> None:
    reached = {State.CLOSED}
    for _ in State:
        reached |= {end for state in reached for end in TRANSITIONS[state].values()}
    assert reached == set(State)


def test_every_state_can_be_left() -> None:
    assert all(set(exits.values()) - {state} for state, exits in TRANSITIONS.items())


@given(breaker=breakers, now=moments, is_current=st.booleans())
def test_every_decision_uses_a_legal_door(
    breaker: CircuitBreaker, now: float, *, is_current: bool
) -> None:
    generation = breaker.generation if is_current else breaker.generation - 1
    for after in (
        breaker.succeeded(now, generation=generation),
        breaker.failed(now, generation=generation),
        breaker.started(now) if breaker.may_try(now) else breaker,
    ):
        doors = TRANSITIONS[breaker.state].values()
        has_moved = after.generation != breaker.generation
        assert after.state in doors if has_moved else after.state == breaker.state


def test_the_picture_in_the_readme_is_the_table() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    drawn = {line.strip() for line in readme.splitlines() if " --> " in line and ":" in line}
    table = {
        f"{state} --> {end}: {event}"
        for state, exits in TRANSITIONS.items()
        for event, end in exits.items()
    }
    assert drawn == table


def test_five_failures_in_a_row_open_the_circuit() -> None:
    assert fail(NEW, times=4).state is State.CLOSED
    assert fail(NEW, times=5).state is State.OPEN


def test_a_success_between_failures_starts_the_count_again() -> None:
    breaker = fail(NEW, times=4).succeeded(0.0, generation=0)
    assert fail(breaker, times=4).state is State.CLOSED


def test_an_open_circuit_lets_nothing_pass_for_thirty_seconds() -> None:
    assert not OPEN.may_try(29.9)
    assert OPEN.wait(10.0) == 20.0
    assert OPEN.may_try(30.0)


def test_only_one_probe_goes_out() -> None:
    assert PROBING.state is State.HALF_OPEN
    assert not PROBING.may_try(PAUSE)


def test_a_probe_that_succeeds_closes_the_circuit() -> None:
    closed = PROBING.succeeded(31.0, generation=PROBING.generation)
    assert (closed.state, closed.failures, closed.may_try(31.0)) == (State.CLOSED, 0, True)


def test_a_probe_that_fails_opens_the_circuit_for_another_pause() -> None:
    opened = PROBING.failed(31.0, generation=PROBING.generation)
    assert opened.state is State.OPEN
    assert opened.wait(31.0) == PAUSE


def test_a_probe_that_never_reports_is_replaced_after_a_pause() -> None:
    second = PROBING.started(2 * PAUSE)
    assert second.state is State.HALF_OPEN
    assert second.succeeded(61.0, generation=PROBING.generation) == second


def test_starting_a_call_that_may_not_start_is_refused() -> None:
    with pytest.raises(ValueError, match="open"):
        OPEN.started(1.0)


@given(breakers, moments, st.integers(min_value=0, max_value=20))
def test_a_result_from_before_the_last_change_changes_nothing(
    breaker: CircuitBreaker, now: float, age: int
) -> None:
    stale = breaker.generation - 1 - age
    assert breaker.succeeded(now, generation=stale) == breaker
    assert breaker.failed(now, generation=stale) == breaker


@given(breakers, moments, st.floats(min_value=0, max_value=1e5), moments)
def test_a_stored_breaker_is_as_patient_as_the_one_that_was_stored(
    breaker: CircuitBreaker, now: float, idle: float, new_now: float
) -> None:
    now = max(now, breaker.since)
    stored: Snapshot = json.loads(json.dumps(breaker.snapshot(now)))
    back = restore(stored, new_now, settings=SETTINGS, idle=idle)
    assert replace(back, since=breaker.since) == breaker
    assert back.wait(new_now) == pytest.approx(breaker.wait(now + idle), abs=1e-6)


def test_a_clock_that_went_back_keeps_no_circuit_open_for_longer() -> None:
    tripped = fail(NEW, times=SETTINGS.failures)
    back = restore(tripped.snapshot(0.0), 0.0, settings=SETTINGS, idle=-3600.0)
    assert back.wait(0.0) == tripped.wait(0.0)


def test_a_lower_threshold_leaves_a_stored_breaker_one_failure() -> None:
    strict = BreakerSettings(failures=2)
    back = restore(fail(NEW, times=4).snapshot(0.0), 0.0, settings=strict)
    assert fail(back, times=1).state is State.OPEN


@pytest.mark.parametrize(
    "damage",
    [{"state": "ajar"}, {"failures": -1}, {"generation": -1}, {"elapsed": float("nan")}],
)
def test_a_snapshot_that_no_breaker_wrote_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="State|not a state"):
        restore({**NEW.snapshot(0.0), **damage}, 0.0, settings=SETTINGS)  # type: ignore[typeddict-item]


@pytest.mark.parametrize(("failures", "seconds"), [(0, 30), (5, 0), (-1, 30), (5, -1)])
def test_settings_that_never_or_always_open_are_refused(failures: int, seconds: int) -> None:
    with pytest.raises(ValueError, match="breaker"):
        BreakerSettings(failures, timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("state", "failures"), [*product([State.OPEN, State.HALF_OPEN], [1]), (State.CLOSED, 5)]
)
def test_a_breaker_cannot_be_in_two_minds(state: State, failures: int) -> None:
    with pytest.raises(ValueError, match="not a state"):
        CircuitBreaker(state=state, failures=failures)


class BreakerMachine(RuleBasedStateMachine):
    """Calls begin, end in any order or never, and time passes; a model counts beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = CircuitBreaker()
        self.calls: list[int] = []
        self.failures_in_a_row = 0
        self.opened_at = 0.0
        self.probe_at = float("-inf")

    @rule(seconds=st.floats(min_value=0.0, max_value=40.0))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.breaker.may_try(self.now))
    @rule()
    def a_call_begins(self) -> None:
        if self.breaker.state is not State.CLOSED:
            assert self.now - self.opened_at >= PAUSE - 1e-6, "tried before the pause was over"
            assert self.now - self.probe_at >= PAUSE - 1e-6, "two probes at once"
            self.probe_at = self.now
        self.breaker = self.breaker.started(self.now)
        self.calls.append(self.breaker.generation)

    @precondition(lambda self: self.calls)
    @rule(data=st.data(), is_success=st.booleans())
    def a_call_ends(self, data: st.DataObject, *, is_success: bool) -> None:
        call = self.calls.pop(data.draw(st.integers(0, len(self.calls) - 1)))
        before = self.breaker
        report = before.succeeded if is_success else before.failed
        self.breaker = report(self.now, generation=call)
        if call != before.generation:
            assert self.breaker == before, "a stale result counted"
        else:
            self._model(before.state, is_success=is_success)

    @precondition(lambda self: self.calls)
    @rule()
    def a_call_is_never_heard_of_again(self) -> None:
        self.calls.pop()

    @rule(idle=st.floats(min_value=0.0, max_value=40.0))
    def the_process_restarts(self, idle: float) -> None:
        stored = self.breaker.snapshot(self.now)
        self.now += idle
        self.breaker = restore(stored, self.now, settings=SETTINGS, idle=idle)
        self.calls.clear()

    def _model(self, before: State, *, is_success: bool) -> None:
        self.failures_in_a_row = 0 if is_success else self.failures_in_a_row + 1
        must_open = before is State.HALF_OPEN or self.failures_in_a_row == SETTINGS.failures
        if is_success:
            assert self.breaker.state is State.CLOSED
        elif must_open:
            assert self.breaker.state is State.OPEN
            self.opened_at, self.failures_in_a_row = self.now, 0

    @invariant()
    def an_open_circuit_always_ends(self) -> None:
        assert 0.0 <= self.breaker.wait(self.now) <= PAUSE + 1e-6
        assert self.breaker.may_try(self.now + PAUSE + 1e-6)

    @invariant()
    def a_closed_circuit_lets_every_call_pass(self) -> None:
        assert self.breaker.state is not State.CLOSED or self.breaker.may_try(self.now)

    @invariant()
    def every_event_of_the_table_is_known(self) -> None:
        assert {event for exits in TRANSITIONS.values() for event in exits} == set(Event)


TestBreakerMachine = BreakerMachine.TestCase
