"""Benchmarks against the golden baselines: can everything be measured, and has anything drifted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median
from typing import Final

from grace.verification.domain import distribution
from grace.verification.domain.contract import Measurement
from grace.verification.domain.state import State, numbers
from grace.verification.domain.tally import samples
from grace.verification.domain.verdict import Measured, Reading, Unmeasured

TAKES: Final = {"smoke": 1, "regression": 3}
ALPHA: Final = 0.01
"""Of a distribution, on each side."""
FEWEST_SAMPLES: Final = 8
"""Of each side: below, ranks can hardly show anything at this alpha."""
_MOST_DRIFT: Final = 1e9  # more is told as this: what is infinite could not be stored


class Suite(StrEnum):
    """How much is asked."""

    SMOKE = "smoke"  # can it be measured, and are all numbers there
    REGRESSION = "regression"  # and are they near those of the golden baseline


class Outcome(StrEnum):
    """What a check, or a whole run, says."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Golden:
    """A baseline of a stable target: what a run holds against."""

    baseline_id: str
    measurement: Measurement
    state: State


@dataclass(frozen=True, slots=True)
class Drift:
    """One field against its golden value. `drift` is relative to it, or absolute where that is 0."""

    field: str
    golden: float
    measured: float
    drift: float
    holds: bool


@dataclass(frozen=True, slots=True)
class Checked:
    """One golden baseline against what was measured now."""

    golden: Golden
    outcome: Outcome
    why: str
    drifts: tuple[Drift, ...] = ()


def check(
    golden: Golden, readings: Sequence[Reading | None], *, suite: Suite, tolerance: float
) -> Checked | None:
    """Return what the takes say about a golden baseline, or None while one may still come."""
    if None in readings:
        return None
    lost = [each.why for each in readings if isinstance(each, Unmeasured)]
    if lost:
        return Checked(golden, Outcome.INCONCLUSIVE, f"not measured: {lost[0]}")
    states = [each.state for each in readings if isinstance(each, Measured)]
    found = [numbers(state) for state in states]
    wanted = numbers(golden.state)
    missing = {field for each in found for field in wanted.keys() - each.keys()}
    missing |= {field for state in states for field in _filled(golden.state) - _filled(state)}
    if missing:
        return Checked(golden, Outcome.FAILED, f"no number any more: {', '.join(sorted(missing))}")
    if suite is Suite.SMOKE:
        return Checked(golden, Outcome.PASSED, f"{len(wanted)} fields were measured")
    return _compared(golden, states, tolerance)


def _compared(golden: Golden, states: Sequence[State], tolerance: float) -> Checked:
    wanted, found = numbers(golden.state), [numbers(state) for state in states]
    drifts = tuple(_drift(field, wanted[field], found, tolerance) for field in sorted(wanted))
    wrong = [_in_words(each) for each in drifts if not each.holds]
    if wrong := [*wrong, *_moved(golden.state, states)]:
        return Checked(golden, Outcome.FAILED, "; ".join(wrong), drifts)
    if few := _too_few(golden.state, states):
        return Checked(golden, Outcome.INCONCLUSIVE, "; ".join(few), drifts)
    return Checked(golden, Outcome.PASSED, f"within {tolerance:.0%} of the baseline", drifts)


def outcome_of(checks: Sequence[Checked]) -> Outcome:
    """Return what a run says: one failure fails it, and what was not measured proves nothing."""
    outcomes = {each.outcome for each in checks}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.PASSED if outcomes == {Outcome.PASSED} else Outcome.INCONCLUSIVE


def _drift(
    field: str, golden: float, found: Sequence[Mapping[str, float]], tolerance: float
) -> Drift:
    """Return the distance as a share of the golden value, whatever its unit.

    4 ms are not near 200 ms because they are told in seconds. Nothing is a share of 0: only 0 is near it.
    """
    measured = median(each[field] for each in found)
    drift = min(abs(measured - golden) / (abs(golden) or 1.0), _MOST_DRIFT)
    return Drift(field, golden, measured, drift, holds=drift <= (tolerance if golden else 0.0))


def _in_words(drift: Drift) -> str:
    if drift.golden == 0:
        return f"{drift.field} was 0 and is {drift.measured:.6g}"
    return f"{drift.field} drifts by {drift.drift:.0%}"


def _moved(golden: State, states: Sequence[State]) -> list[str]:
    """Test every list of numbers that both sides have enough of, in both directions."""
    moved = []
    for field, before in _comparable(golden).items():
        after = _after(field, states)
        if len(after) < FEWEST_SAMPLES:
            continue
        p = min(distribution.lower(after, before).p, distribution.higher(after, before).p)
        if p < ALPHA:
            moved.append(f"{field} has moved (p {p:.3g})")
    return moved


def _too_few(golden: State, states: Sequence[State]) -> list[str]:
    """Tell of each list that could be compared once, and cannot be any more: nobody knows of it."""
    sizes = {field: len(_after(field, states)) for field in _comparable(golden)}
    return [
        f"{field} has {size} samples, too few to compare"
        for field, size in sizes.items()
        if size < FEWEST_SAMPLES
    ]


def _comparable(golden: State) -> dict[str, tuple[float, ...]]:
    found = _lists(golden).items()
    return {field: values for field, values in found if len(values) >= FEWEST_SAMPLES}


def _after(field: str, states: Sequence[State]) -> list[float]:
    return [value for state in states for value in _lists(state).get(field, ())]


def _filled(state: State) -> set[str]:
    """Return the lists that hold numbers."""
    return {field for field, values in _lists(state).items() if values}


def _lists(state: State) -> dict[str, tuple[float, ...]]:
    """Return the lists of numbers in a state, those of one table below it included."""
    found: dict[str, tuple[float, ...]] = {}
    for field, value in state.items():
        if isinstance(value, Mapping):
            found |= {f"{field}.{name}": samples(part) for name, part in value.items()}
        elif isinstance(value, Sequence) and not isinstance(value, str):
            found[field] = samples(value)
    return found
