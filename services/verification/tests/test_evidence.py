import math

from grace.verification.domain.evidence import actual_state, expected_state, restored_state
from grace.verification.domain.restore import judge_restored
from grace.verification.domain.state import canonical
from grace.verification.domain.verdict import Measured, Unmeasured, judge

NAMED = {
    "status",
    "error_resolved",
    "benchmark_passed",
    "error_rate",
    "execution_result",
    "benchmark_metrics",
}


def actual(make, reading, *, executed=True, execution=None):
    contract = make.contract()
    judgement = judge(contract.action.expectations, reading, contract.baseline_values)
    return actual_state(contract, judgement, executed=executed, execution=execution or {})


def test_expected_and_actual_state_have_the_same_fields(make):
    expected = expected_state(make.contract())
    for reading in (Measured(make.good), Unmeasured("timeout")):
        assert set(actual(make, reading)) == set(expected)
    assert set(expected) >= NAMED | {"waiting", "throughput"}


def test_the_expected_state_names_the_number_each_field_is_held_against(make):
    expected = expected_state(make.contract())
    assert expected["throughput"] == 80.0
    assert expected["error_rate"] == 0.05
    assert expected["waiting"] == 0.0
    assert expected["benchmark_metrics"]["throughput"] == {
        "comparison": "ratio_of_baseline_at_least",
        "value": 0.8,
        "baseline": 100.0,
        "bound": 80.0,
    }


def test_without_a_baseline_the_expected_number_is_none(make):
    assert expected_state(make.contract(baseline=None))["throughput"] is None


def test_the_actual_state_carries_the_kernels_result_and_all_that_was_measured(make):
    measured = {**make.good, "series": {"commits": [1, 2]}}
    found = actual(make, Measured(measured), execution={"set": True})
    assert found["status"] == "completed"
    assert found["error_resolved"] is True
    assert found["benchmark_passed"] is True
    assert found["execution_result"] == {"set": True}
    assert found["benchmark_metrics"] == measured
    assert found["throughput"] == 95.0


def test_the_status_is_the_executions_own_where_it_has_one(make):
    assert actual(make, Measured(make.good), execution={"status": "done"})["status"] == "done"
    assert actual(make, Measured(make.good), execution={"status": 3})["status"] == "completed"
    assert actual(make, Unmeasured("x"), executed=False)["status"] == "failed"


def test_what_was_not_measured_is_none_and_nothing_is_resolved(make):
    found = actual(make, Unmeasured("timeout"))
    assert found["throughput"] is None
    assert found["error_rate"] == 0.0
    assert found["error_resolved"] is False
    assert found["benchmark_passed"] is False
    assert found["benchmark_metrics"] == {}


def test_nan_is_shown_as_none_and_resolves_nothing(make):
    found = actual(make, Measured({**make.good, "error_rate": math.nan}))
    assert found["error_rate"] == 0.0
    assert found["benchmark_metrics"]["error_rate"] is None
    assert found["error_resolved"] is False


def test_the_restored_state_says_what_is_equal_and_what_was_measured(make):
    found = restored_state(
        judge_restored(
            make.contract(),
            before=canonical(make.before),
            observed=make.before,
            reading=Measured(make.good),
        )
    )
    assert found["restored"] is True
    assert found["state_equal"] is True
    assert found["state"] == make.before
    assert found["throughput"] == 95.0
    assert found["benchmark_metrics"] == make.good
