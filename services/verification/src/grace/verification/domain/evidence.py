"""Expected and actual state in one schema, so that they can be laid side by side."""

from typing import Final

from grace.verification.domain.contract import Contract, Expectation
from grace.verification.domain.restore import Restoration
from grace.verification.domain.state import Json, State, shown_state
from grace.verification.domain.verdict import Judgement, Measured, Reading, bound_of

_COMPLETED: Final = "completed"
_FAILED: Final = "failed"
_RATE: Final = "error_rate"


def expected_state(contract: Contract) -> dict[str, Json]:
    """Return what an action promises; each expected field with the number it is held against."""
    bounds = {each.field: _bound(contract, each) for each in contract.action.expectations}
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
        "status": _COMPLETED,
        "error_resolved": True,
        "benchmark_passed": True,
        _RATE: bounds.get(_RATE) or 0.0,
        "execution_result": {},
        "benchmark_metrics": metrics,
    }


def actual_state(
    contract: Contract, judgement: Judgement, *, executed: bool, execution: State
) -> dict[str, Json]:
    """Return what came of it; fields that were not measured are None."""
    metrics = _metrics(judgement.reading)
    passed = judgement.measured and judgement.matches
    status = execution.get("status")
    return {
        **{each.field: metrics.get(each.field) for each in contract.action.expectations},
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


def _bound(contract: Contract, each: Expectation) -> float | None:
    return bound_of(each, contract.baseline_values.get(each.field))


def _metrics(reading: Reading) -> dict[str, Json]:
    return shown_state(reading.state) if isinstance(reading, Measured) else {}
