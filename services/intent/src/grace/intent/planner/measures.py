"""The verification plan of a playbook as it travels in a plan."""

from grace.contracts import intent as wire
from grace.intent.domain.playbook import Expectation, Measure


def measure_on_wire(measure: Measure, target: str, timeout_ms: int) -> wire.PlannedMeasure:
    """Return a measure of a mission about a target."""
    return wire.PlannedMeasure(
        name=measure.name,
        measurement=wire.Measurement(
            operation=measure.call.operation,
            target=measure.place or target,
            params=measure.call.params,
            timeout_ms=timeout_ms,
        ),
        expectations=tuple(map(expectation_on_wire, measure.expectations)),
        distributions=tuple(
            wire.DistributionTest(
                field=each.field,
                direction=wire.DistributionTestDirection(each.direction),
                alpha=each.alpha,
            )
            for each in measure.distributions
        ),
        count=measure.count,
        warmup_ms=measure.warmup_ms,
        interval_ms=measure.interval_ms,
        failures_at_most=measure.failures_at_most,
        inconclusives_at_most=measure.inconclusives_at_most,
        errors_at_most=measure.errors_at_most,
        successes_at_least=measure.successes_at_least,
        dry_run=measure.dry_run,
    )


def expectation_on_wire(each: Expectation) -> wire.Expectation:
    """Return an expectation as it travels."""
    comparison = wire.ExpectationComparison(each.comparison)
    return wire.Expectation(field=each.field, comparison=comparison, value=each.value)
