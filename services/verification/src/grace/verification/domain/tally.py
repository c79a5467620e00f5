"""A measure of the plan that is taken several times: what its takes say together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from grace.verification.domain import distribution
from grace.verification.domain.contract import (
    Baseline,
    Contract,
    Direction,
    DistributionTest,
    Measure,
)
from grace.verification.domain.distribution import MOST_AFTER, MOST_SAMPLES
from grace.verification.domain.state import Json, number
from grace.verification.domain.verdict import (
    Judgement,
    Measured,
    Reading,
    Truth,
    Unmeasured,
    judge,
)


class Taken(StrEnum):
    """What one take says."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"  # measured, but without what an expectation needs
    ERROR = "error"  # not measured


class Standing(StrEnum):
    """What a measure says."""

    PENDING = "pending"
    HOLDS = "holds"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Take:
    """One take of a measure; `reading` is None while it may still come."""

    measure: str
    number: int
    reading: Reading | None


@dataclass(frozen=True, slots=True)
class Moved:
    """A distribution against the one before the incident."""

    test: DistributionTest
    truth: Truth
    why: str


@dataclass(frozen=True, slots=True)
class Tally:
    """A measure with what its takes brought, in their order."""

    measure: Measure
    judgements: tuple[Judgement, ...]
    moved: tuple[Moved, ...]

    @property
    def missing(self) -> int:
        """How many takes are still to come."""
        return self.measure.count - len(self.judgements)

    @property
    def measured(self) -> int:
        """How many takes brought a measurement."""
        return sum(each.measured for each in self.judgements)

    def count(self, what: Taken) -> int:
        """How many takes say so."""
        return sum(taken(each) is what for each in self.judgements)

    @property
    def standing(self) -> Standing:
        """What the takes say together. Only drift is told before all of them are in.

        A lost take is no reason to look away: a later one may still show that it is failing.
        """
        measure = self.measure
        if self.count(Taken.FAILURE) > measure.failures_at_most:
            return Standing.FAILED
        if self.missing > 0:
            return Standing.PENDING
        if any(each.truth is Truth.NOT for each in self.moved):
            return Standing.FAILED
        return Standing.HOLDS if self._is_proven else Standing.INCONCLUSIVE

    @property
    def _is_proven(self) -> bool:
        measure = self.measure
        return (
            bool(measure.expectations or measure.distributions)
            and self.count(Taken.ERROR) <= measure.errors_at_most
            and self.count(Taken.INCONCLUSIVE) <= measure.inconclusives_at_most
            and self.count(Taken.SUCCESS) >= max(1, measure.successes_at_least)
            and all(each.truth is Truth.HOLDS for each in self.moved)
        )

    @property
    def held(self) -> float:
        """The expectations that hold: each as the share of the measured takes in which it does."""
        found = [each for judgement in self.judgements for each in judgement.checks]
        holding = sum(each.truth is Truth.HOLDS for each in found)
        moved = sum(each.truth is Truth.HOLDS for each in self.moved)
        return holding / self.measured + moved if self.measured else 0.0

    @property
    def expected(self) -> int:
        """The expectations and distributions there are."""
        return len(self.measure.expectations) + len(self.measure.distributions)


def taken(judgement: Judgement) -> Taken:
    """Return what one take says."""
    if not judgement.measured:
        return Taken.ERROR
    if judgement.drifted:
        return Taken.FAILURE
    holds = all(check.truth is Truth.HOLDS for check in judgement.checks)
    return Taken.SUCCESS if holds else Taken.INCONCLUSIVE


def tallies(contract: Contract, takes: Sequence[Take]) -> tuple[Tally, ...]:
    """Return what the takes of each of a contract's measures say."""
    return tuple(
        tally(
            measure,
            [take for take in takes if take.measure == measure.name],
            contract.baselines.get(measure.name),
        )
        for measure in contract.action.measures
    )


def tally(measure: Measure, takes: Sequence[Take], baseline: Baseline | None) -> Tally:
    """Return what the takes of one measure say. The distributions are tested when all are in."""
    by_number = {take.number: take.reading for take in takes}
    found = [by_number.get(number) for number in range(1, measure.count + 1)]
    readings = [reading for reading in found if reading is not None]
    values = baseline.values if baseline else _NOTHING
    judgements = tuple(judge(measure.expectations, reading, values) for reading in readings)
    is_whole = len(readings) == measure.count
    may_lack = measure.inconclusives_at_most
    moved = [
        _moved(test, readings, baseline, may_lack=may_lack)
        for test in measure.distributions
        if is_whole
    ]
    return Tally(measure, judgements, tuple(moved))


def samples(value: Json) -> tuple[float, ...]:
    """Return the numbers of a field: one, or those of a list; none of one that holds anything else.

    Nor of one that is too long to look at: half of a list is no sample of it, what is left out may
    be what went wrong.
    """
    listed = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if len(listed) > MOST_SAMPLES:
        return ()
    found = [number(each) for each in listed]
    known = tuple(each for each in found if each is not None)
    return known if len(known) == len(found) else ()


def explain(found: Tally) -> str:
    """Return one line on what the takes say."""
    measure = found.measure
    counted = ", ".join(f"{found.count(what)} {what}" for what in Taken if found.count(what))
    words = f"{measure.name}: {found.standing} ({counted or 'nothing taken'} of {measure.count})"
    return "; ".join([words, *dict.fromkeys(_whys(found))])


def _whys(found: Tally) -> Iterator[str]:
    """Tell what is wrong: a lost take by its reason, a field by its numbers."""
    for judgement in found.judgements:
        if isinstance(judgement.reading, Unmeasured):
            yield judgement.reading.why
            continue
        for check in judgement.checks:
            if check.truth is not Truth.HOLDS:
                yield f"{check.expectation.field} {check.why}"
    for each in found.moved:
        if each.truth is not Truth.HOLDS:
            yield f"{each.test.field} {each.why}"


def _moved(
    test: DistributionTest, readings: Sequence[Reading], baseline: Baseline | None, *, may_lack: int
) -> Moved:
    """Test the numbers of all takes; of more than `may_lack` takes without any nobody knows."""
    before = baseline.samples.get(test.field, ()) if baseline else ()
    each = [samples(one.state.get(test.field)) for one in readings if isinstance(one, Measured)]
    after = tuple(value for values in each for value in values)
    if not before:
        return Moved(test, Truth.UNKNOWN, "has no baseline to compare with")
    if not after:
        return Moved(test, Truth.UNKNOWN, "was not measured")
    if len(after) > MOST_AFTER:
        return Moved(test, Truth.UNKNOWN, f"has {len(after)} samples, more than {MOST_AFTER}")
    found = _compared(test, after, before)
    empty = sum(not values for values in each)
    if found.truth is Truth.HOLDS and empty > may_lack:
        return Moved(test, Truth.UNKNOWN, f"has no numbers in {empty} of {len(each)} takes")
    return found


def _compared(test: DistributionTest, after: Sequence[float], before: Sequence[float]) -> Moved:
    ask = distribution.lower if test.direction is Direction.NOT_LOWER else distribution.higher
    shift = ask(after, before)
    sizes = f"p {shift.p:.4g} over {len(after)} against {len(before)} samples"
    if shift.p < test.alpha:
        return Moved(test, Truth.NOT, f"has moved: {sizes}, alpha {test.alpha:.4g}")
    if shift.least >= test.alpha:
        return Moved(test, Truth.UNKNOWN, f"has too few samples to show anything: {sizes}")
    return Moved(test, Truth.HOLDS, f"has not moved: {sizes}")


_NOTHING: Mapping[str, float] = MappingProxyType({})
