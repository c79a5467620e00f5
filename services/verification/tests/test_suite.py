"""Suites without a server: what takes say about a golden baseline."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.verification.domain.contract import Measurement
from grace.verification.domain.suite import (
    Checked,
    Golden,
    Outcome,
    Suite,
    check,
    outcome_of,
)
from grace.verification.domain.verdict import Measured, Unmeasured

GOLDEN = Golden(
    "baseline-1",
    Measurement("postgres.activity", "shop-db", "{}", 1000),
    {"throughput": 100.0, "waiting": 0, "word": "x", "series": {"commits": list(range(8))}},
)
GOOD = {"throughput": 95.0, "waiting": 0, "series": {"commits": list(range(8))}}


def checked(*states, suite=Suite.REGRESSION, tolerance=0.2):
    readings = [Unmeasured("down") if each is None else Measured(each) for each in states]
    return check(GOLDEN, readings, suite=suite, tolerance=tolerance)


def test_near_its_baseline_is_passed_with_the_drift_of_each_field():
    found = checked(GOOD, {**GOOD, "throughput": 90.0}, {**GOOD, "throughput": 300.0})
    assert found.outcome is Outcome.PASSED
    assert {each.field: each.drift for each in found.drifts} == pytest.approx(
        {"throughput": 0.05, "waiting": 0.0}
    )


def test_the_median_decides_and_one_bad_take_does_not():
    assert checked(GOOD, GOOD, {**GOOD, "throughput": 1.0}).outcome is Outcome.PASSED
    slow = {**GOOD, "throughput": 50.0}
    found = checked(GOOD, slow, slow)
    assert found.outcome is Outcome.FAILED
    assert found.why == "throughput drifts by 50%"


def rate(golden, measured):
    golden = Golden("baseline-1", GOLDEN.measurement, {"error_rate": golden})
    readings = [Measured({"error_rate": measured})] * 3
    return check(golden, readings, suite=Suite.REGRESSION, tolerance=0.2)


@pytest.mark.parametrize(
    ("golden", "measured", "outcome"),
    [
        (0.01, 0.0119, Outcome.PASSED),
        (0.01, 0.19, Outcome.FAILED),
        (0.004, 0.2, Outcome.FAILED),
        (-0.01, 0.01, Outcome.FAILED),
        (0.0, 0.0, Outcome.PASSED),
        (0.0, 0.19, Outcome.FAILED),
        (5e-324, 1e308, Outcome.FAILED),
    ],
)
def test_what_is_small_is_held_against_its_own_size(golden, measured, outcome):
    found = rate(golden, measured)
    assert found.outcome is outcome
    assert math.isfinite(found.drifts[0].drift)


def test_only_nothing_is_near_nothing():
    assert checked({**GOOD, "waiting": 0.1}).outcome is Outcome.FAILED
    found = checked({**GOOD, "waiting": 3})
    assert (found.outcome, found.why) == (Outcome.FAILED, "waiting was 0 and is 3")


def test_a_distribution_that_has_moved_fails_though_its_median_is_near():
    moved = {**GOOD, "series": {"commits": [each + 20 for each in range(8)]}}
    found = checked(moved)
    assert found.outcome is Outcome.FAILED
    assert "series.commits has moved" in found.why


def test_a_list_that_cannot_be_compared_any_more_proves_nothing():
    few = {**GOOD, "series": {"commits": [3, 4]}}
    found = checked(few)
    assert found.outcome is Outcome.INCONCLUSIVE
    assert found.why == "series.commits has 2 samples, too few to compare"
    assert checked(few, few, few, few).outcome is Outcome.PASSED


@pytest.mark.parametrize("series", [None, {}, {"commits": []}, {"commits": [1, None, 3]}])
def test_a_list_that_is_gone_fails_either_suite(series):
    for suite in Suite:
        found = checked(GOOD, {**GOOD, "series": series}, suite=suite)
        assert (found.outcome, found.why) == (
            Outcome.FAILED,
            "no number any more: series.commits",
        )


def test_a_number_that_is_gone_fails_either_suite():
    for suite in Suite:
        found = checked({**GOOD, "waiting": math.nan}, suite=suite)
        assert (found.outcome, found.why) == (Outcome.FAILED, "no number any more: waiting")


def test_smoke_asks_only_whether_all_numbers_are_there():
    assert (
        checked({**GOOD, "throughput": 1.0, "waiting": 99}, suite=Suite.SMOKE).outcome
        is Outcome.PASSED
    )


def test_what_was_not_measured_proves_nothing():
    found = checked(GOOD, None, GOOD)
    assert (found.outcome, found.why) == (Outcome.INCONCLUSIVE, "not measured: down")
    assert check(GOLDEN, [Measured(GOOD), None], suite=Suite.SMOKE, tolerance=1) is None


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(Outcome)), max_size=4))
def test_a_run_passes_only_where_every_check_does(outcomes):
    said = outcome_of([Checked(GOLDEN, each, "") for each in outcomes])
    assert (said is Outcome.PASSED) == (bool(outcomes) and set(outcomes) == {Outcome.PASSED})
    assert (said is Outcome.FAILED) == (Outcome.FAILED in outcomes)
