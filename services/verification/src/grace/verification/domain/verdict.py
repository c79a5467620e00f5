"""Expectations against what was measured: holds, does not, or nobody knows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias, assert_never

from grace.verification.domain.contract import Comparison, Expectation
from grace.verification.domain.state import State, numbers

_MOST_NAMED = 10  # fields that a reason tells of


class Truth(StrEnum):
    """Whether an expectation came true."""

    HOLDS = "holds"
    NOT = "not"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement that was taken, in time."""

    state: State


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """No measurement: it failed, was ended, came too late or cannot be read."""

    why: str


Reading: TypeAlias = Measured | Unmeasured


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation against one measured field. `bound` is what the field was held against."""

    expectation: Expectation
    truth: Truth
    measured: float | None
    bound: float | None
    why: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """All expectations of an action against one reading."""

    reading: Reading
    checks: tuple[Check, ...]

    @property
    def measured(self) -> bool:
        """Whether there is a measurement at all."""
        return isinstance(self.reading, Measured)

    @property
    def matches(self) -> bool:
        """Whether everything expected was measured and holds; nothing expected matches nothing."""
        return bool(self.checks) and all(check.truth is Truth.HOLDS for check in self.checks)

    @property
    def drifted(self) -> bool:
        """Whether something was measured that is not as expected."""
        return any(check.truth is Truth.NOT for check in self.checks)


def judge(
    expectations: Sequence[Expectation], reading: Reading, baseline: Mapping[str, float]
) -> Judgement:
    """Hold each expectation against the reading."""
    match reading:
        case Measured(state):
            found = numbers(state)
            checks = (check(each, found.get(each.field), baseline, found) for each in expectations)
        case Unmeasured(why):
            checks = (Check(each, Truth.UNKNOWN, None, None, why) for each in expectations)
        case _:
            assert_never(reading)
    return Judgement(reading, tuple(checks))


def check(
    expectation: Expectation,
    measured: float | None,
    baseline: Mapping[str, float],
    found: Iterable[str] = (),
) -> Check:
    """Hold one expectation against one number; without what it needs the answer is unknown.

    `found`: the fields that were measured. A slip in a name shows beside the names that there are.
    """
    base = baseline.get(expectation.field)
    bound = bound_of(expectation, base)
    if measured is None:
        return Check(expectation, Truth.UNKNOWN, None, bound, _lacking(found))
    if bound is None:
        return Check(expectation, Truth.UNKNOWN, measured, None, "no baseline to compare with")
    truth = Truth.HOLDS if _holds(expectation, measured, base or 0.0) else Truth.NOT
    return Check(expectation, truth, measured, bound, _sentence(expectation, measured, bound))


def _lacking(found: Iterable[str]) -> str:
    others = ", ".join(sorted(found)[:_MOST_NAMED])
    return "no number was measured" + (f" of this name; there are {others}" if others else "")


def bound_of(expectation: Expectation, base: float | None) -> float | None:
    """Return what a field is held against, or None where a baseline is needed and missing.

    A ratio that is not positive, or of a baseline that is not, would hold for anything: it counts as
    missing.
    """
    match expectation.comparison:
        case Comparison.AT_MOST | Comparison.AT_LEAST:
            bound = expectation.value
        case Comparison.RATIO_OF_BASELINE_AT_LEAST:
            is_one = base is not None and base > 0 and expectation.value > 0
            bound = expectation.value * base if base is not None and is_one else math.nan
        case Comparison.ABOVE_BASELINE_AT_MOST:
            bound = base + expectation.value if base is not None else math.nan
        case Comparison.UNSPECIFIED:
            bound = math.nan
        case _:
            assert_never(expectation.comparison)
    return bound if math.isfinite(bound) else None


def explain(judgement: Judgement) -> str:
    """Return one line on why a judgement is what it is."""
    if isinstance(judgement.reading, Unmeasured):
        return f"not measured: {judgement.reading.why}"
    wrong = [check for check in judgement.checks if check.truth is not Truth.HOLDS]
    if not judgement.checks:
        return "nothing was expected"
    return "; ".join(
        f"{check.expectation.field}: {check.why}" for check in wrong or judgement.checks
    )


def _holds(expectation: Expectation, measured: float, base: float) -> bool:
    match expectation.comparison:
        case Comparison.AT_MOST:
            return measured <= expectation.value
        case Comparison.AT_LEAST:
            return measured >= expectation.value
        case Comparison.RATIO_OF_BASELINE_AT_LEAST:
            return _exact(measured) >= _exact(expectation.value) * _exact(base)
        case Comparison.ABOVE_BASELINE_AT_MOST:
            return _exact(measured) - _exact(base) <= _exact(expectation.value)
        case Comparison.UNSPECIFIED:
            return False
        case _:
            assert_never(expectation.comparison)


def _exact(number: float) -> Fraction:
    """The number as people write it: 0.8 is 0.1 above 0.7, which it is not in binary."""
    return Fraction(repr(number))


def _sentence(expectation: Expectation, measured: float, bound: float) -> str:
    words = "at least" if expectation.comparison in _LOWER_BOUNDS else "at most"
    return f"measured {measured:.6g}, expected {words} {bound:.6g}"


_LOWER_BOUNDS = frozenset({Comparison.AT_LEAST, Comparison.RATIO_OF_BASELINE_AT_LEAST})
