"""The measures of a plan, and what they showed before the incident: wire bytes and back."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from grace.contracts import intent as wire_intent
from grace.contracts import verification as wire
from grace.verification.domain.contract import (
    Baseline,
    Comparison,
    Direction,
    DistributionTest,
    Expectation,
    Measure,
    Measurement,
)

_MILLISECOND = timedelta(milliseconds=1)


def measure_of(found: wire_intent.PlannedMeasure) -> Measure:
    """Return a measure as the domain knows it, with what is left out filled in."""
    failures = found.failures_at_most or 0
    inconclusives = found.inconclusives_at_most or 0
    errors = found.errors_at_most or 0
    least = found.successes_at_least
    return Measure(
        name=found.name,
        measurement=measurement_of(found.measurement),
        expectations=tuple(map(expectation_of, found.expectations)),
        distributions=tuple(
            DistributionTest(each.field, Direction(each.direction.value), each.alpha)
            for each in found.distributions
        ),
        count=found.count,
        warmup=(found.warmup_ms or 0) * _MILLISECOND,
        interval=(found.interval_ms or 0) * _MILLISECOND,
        failures_at_most=failures,
        inconclusives_at_most=inconclusives,
        errors_at_most=errors,
        successes_at_least=max(1, found.count - failures - inconclusives - errors)
        if least is None
        else least,
        dry_run=bool(found.dry_run),
    )


def measure_on_wire(measure: Measure) -> wire_intent.PlannedMeasure:
    """Return a measure as it travels."""
    return wire_intent.PlannedMeasure(
        name=measure.name,
        measurement=measurement_on_wire(measure.measurement),
        expectations=tuple(map(expectation_on_wire, measure.expectations)),
        distributions=tuple(
            wire_intent.DistributionTest(
                field=each.field,
                direction=wire_intent.DistributionTestDirection(each.direction.value),
                alpha=each.alpha,
            )
            for each in measure.distributions
        ),
        count=measure.count,
        warmup_ms=int(measure.warmup / _MILLISECOND),
        interval_ms=int(measure.interval / _MILLISECOND),
        failures_at_most=measure.failures_at_most,
        inconclusives_at_most=measure.inconclusives_at_most,
        errors_at_most=measure.errors_at_most,
        successes_at_least=measure.successes_at_least,
        dry_run=measure.dry_run,
    )


def expectation_of(each: wire_intent.Expectation) -> Expectation:
    """Return an expectation as the domain knows it."""
    return Expectation(each.field, Comparison(each.comparison.value), each.value)


def expectation_on_wire(each: Expectation) -> wire_intent.Expectation:
    """Return an expectation as it travels."""
    comparison = wire_intent.ExpectationComparison(each.comparison.value)
    return wire_intent.Expectation(field=each.field, comparison=comparison, value=each.value)


def measurement_of(found: wire_intent.Measurement) -> Measurement:
    """Return a measurement as the domain knows it."""
    return Measurement(found.operation, found.target, found.params, found.timeout_ms)


def measurement_on_wire(found: Measurement) -> wire_intent.Measurement:
    """Return a measurement as it travels."""
    return wire_intent.Measurement(
        operation=found.operation,
        target=found.target,
        params=found.params,
        timeout_ms=found.timeout_ms,
    )


def baselines_on_wire(found: Mapping[str, Baseline]) -> tuple[wire.MeasureBaseline, ...]:
    """Return what measures showed before the incident as it travels."""
    return tuple(
        wire.MeasureBaseline(
            measure=name,
            baseline_id=each.baseline_id,
            measured_at=each.measured_at,
            values=values_on_wire(each.values),
            samples=tuple(
                wire.BaselineSamples(field=field, values=values)
                for field, values in sorted(each.samples.items())
            ),
        )
        for name, each in sorted(found.items())
    )


def baselines_of(found: Sequence[wire.MeasureBaseline]) -> dict[str, Baseline]:
    """Return what measures showed before the incident, by the name of the measure."""
    return {
        each.measure: Baseline(
            each.baseline_id,
            {value.field: value.value for value in each.values},
            each.measured_at,
            {sample.field: tuple(sample.values) for sample in each.samples},
        )
        for each in found
    }


def values_on_wire(values: Mapping[str, float]) -> tuple[wire.BaselineValue, ...]:
    """Return a baseline's fields as they travel, in their order."""
    return tuple(
        wire.BaselineValue(field=field, value=value) for field, value in sorted(values.items())
    )
