"""Expected and actual state in one schema, so that they can be laid side by side."""

from collections.abc import Sequence
from typing import Final

from grace.verification.domain.contract import Contract, Expectation, Measure
from grace.verification.domain.findings import Verdict, verdict
from grace.verification.domain.restore import Restoration
from grace.verification.domain.state import Json, State, shown_state
from grace.verification.domain.tally import Tally, taken
from grace.verification.domain.verdict import Judgement, Measured, Reading, bound_of

_COMPLETED: Final = "completed"
_FAILED: Final = "failed"
_RATE: Final = "error_rate"


def expected_state(contract: Contract) -> dict[str, Json]:
    """Return what an action promises; each expected field with the number it is held against."""
    bounds = {each.field: _bound(contract, each) for each in contract.action.expectations}
    planned = {
        name: bound_of(each, contract.baselines[measure.name].values.get(each.field))
        if measure.name in contract.baselines
        else bound_of(each, None)
        for measure in contract.action.measures
        for name, each in _named(measure)
    }
    metrics: dict[str, Json] = {
        each.field: {
            "comparison": each.comparison.value,
            "value": each.value,
            "baseline": contract.baseline_values.get(each.field),
            "bound": bounds[each.field],
        }
        for each in contract.action.expectations
    }
    return {
        **bounds,
        **planned,
        "status": _COMPLETED,
        "error_resolved": True,
        "benchmark_passed": True,
        _RATE: bounds.get(_RATE) or 0.0,
        "execution_result": {},
        "benchmark_metrics": metrics,
    }


def actual_state(
    contract: Contract,
    judgement: Judgement,
    tallies: Sequence[Tally] = (),
    *,
    executed: bool,
    execution: State,
) -> dict[str, Json]:
    """Return what came of it; fields that were not measured are None.

    A field of the plan's measures shows its last take; all of them are in `benchmark_metrics`.
    """
    metrics = dict(_metrics(judgement.reading))
    if tallies:
        metrics["measures"] = {each.measure.name: _takes(each) for each in tallies}
    passed = verdict(judgement, tallies, executed=True) is Verdict.VERIFIED
    status = execution.get("status")
    return {
        **{each.field: metrics.get(each.field) for each in contract.action.expectations},
        **{
            name: _last(tallies, measure, each.field)
            for measure in contract.action.measures
            for name, each in _named(measure)
        },
        "status": status if isinstance(status, str) else _COMPLETED if executed else _FAILED,
        "error_resolved": executed and passed,
        "benchmark_passed": passed,
        _RATE: metrics.get(_RATE) or 0.0,
        "execution_result": shown_state(execution),
        "benchmark_metrics": metrics,
    }


def restored_state(found: Restoration) -> dict[str, Json]:
    """Return what was measured after a revert."""
    metrics = _metrics(found.judgement.reading)
    return {
        **{each.expectation.field: each.measured for each in found.judgement.checks},
        "restored": found.restored,
        "state_equal": found.state_equal,
        "state": shown_state(found.state),
        "benchmark_metrics": metrics,
    }


def _named(measure: Measure) -> list[tuple[str, Expectation]]:
    """Return a measure's expectations by the names that their fields have in a state."""
    return [(f"{measure.name}.{each.field}", each) for each in measure.expectations]


def _last(tallies: Sequence[Tally], measure: Measure, field: str) -> Json:
    found = [
        _metrics(one.reading)
        for each in tallies
        if each.measure.name == measure.name
        for one in each.judgements
    ]
    return found[-1].get(field) if found else None


def _takes(tally: Tally) -> Json:
    """Return what a measure's takes brought, as it is shown."""
    return {
        "standing": tally.standing.value,
        "dry_run": tally.measure.dry_run,
        "takes": [
            {"outcome": taken(each).value, "measured": _metrics(each.reading)}
            for each in tally.judgements
        ],
        "distributions": {each.test.field: each.why for each in tally.moved},
    }


def _bound(contract: Contract, each: Expectation) -> float | None:
    return bound_of(each, contract.baseline_values.get(each.field))


def _metrics(reading: Reading) -> dict[str, Json]:
    return shown_state(reading.state) if isinstance(reading, Measured) else {}
