import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.contract import Comparison, Expectation
from grace.verification.domain.findings import Verdict, confidence, verdict
from grace.verification.domain.verdict import (
    Measured,
    Truth,
    Unmeasured,
    check,
    explain,
    judge,
)

FIELDS = ("waiting", "throughput", "error_rate")
NUMBERS = st.floats() | st.integers() | st.none() | st.booleans() | st.text()
EXPECTATIONS = st.lists(
    st.builds(Expectation, st.sampled_from(FIELDS), st.sampled_from(list(Comparison)), st.floats()),
    max_size=5,
)
READINGS = st.builds(Measured, st.dictionaries(st.sampled_from(FIELDS), NUMBERS)) | st.builds(
    Unmeasured, st.just("error")
)
BASELINES = st.dictionaries(st.sampled_from(FIELDS), st.floats())


def as_written(value, base, given, how):
    """The same with the numbers that people write."""
    if not math.isfinite(base * given if how == "*" else base + given):
        return False
    value, base, given = (Fraction(str(each)) for each in (value, base, given))
    return value >= base * given if how == "*" else value <= base + given


def oracle(expectation, state, baseline):
    """The rule of the contract, written a second time in another way."""
    value = state.get(expectation.field)
    base = baseline.get(expectation.field, math.nan)
    if isinstance(value, bool | str | None) or not math.isfinite(value):
        return False
    limits = {
        Comparison.AT_MOST: lambda: value - expectation.value <= 0,
        Comparison.AT_LEAST: lambda: value - expectation.value >= 0,
        Comparison.RATIO_OF_BASELINE_AT_LEAST: lambda: (
            base > 0 and expectation.value > 0 and as_written(value, base, expectation.value, "*")
        ),
        Comparison.ABOVE_BASELINE_AT_MOST: lambda: as_written(value, base, expectation.value, "+"),
        Comparison.UNSPECIFIED: lambda: False,
    }
    return limits[expectation.comparison]()


@given(EXPECTATIONS, READINGS, BASELINES, st.booleans())
def test_verified_only_if_executed_measured_and_matching(expectations, reading, baseline, executed):
    judgement = judge(expectations, reading, baseline)
    if verdict(judgement, executed=executed) is Verdict.VERIFIED:
        assert executed
        assert isinstance(reading, Measured)
        assert expectations
        assert all(oracle(each, reading.state, baseline) for each in expectations)


@given(EXPECTATIONS, READINGS, BASELINES, st.booleans())
def test_confidence_is_a_share_and_is_one_exactly_when_verified(
    expectations, reading, baseline, executed
):
    judgement = judge(expectations, reading, baseline)
    found = confidence(judgement, executed=executed)
    assert 0.0 <= found <= 1.0
    assert (found == 1.0) == (verdict(judgement, executed=executed) is Verdict.VERIFIED)
    if not executed or isinstance(reading, Unmeasured):
        assert found == 0.0


@pytest.mark.parametrize(
    ("comparison", "value", "base", "holds", "breaks"),
    [
        (Comparison.AT_MOST, 3.0, None, 3.0, 3.1),
        (Comparison.AT_LEAST, 3.0, None, 3.0, 2.9),
        (Comparison.RATIO_OF_BASELINE_AT_LEAST, 0.8, 100.0, 80.0, 79.9),
        (Comparison.ABOVE_BASELINE_AT_MOST, 0.05, 0.1, 0.15, 0.16),
    ],
)
def test_each_comparison_holds_at_its_bound_and_not_beyond(comparison, value, base, holds, breaks):
    expectation = Expectation("f", comparison, value)
    baseline = {} if base is None else {"f": base}
    assert check(expectation, holds, baseline).truth is Truth.HOLDS
    assert check(expectation, breaks, baseline).truth is Truth.NOT


@pytest.mark.parametrize(
    "comparison", [Comparison.RATIO_OF_BASELINE_AT_LEAST, Comparison.ABOVE_BASELINE_AT_MOST]
)
def test_without_the_baseline_that_is_needed_the_answer_is_unknown(comparison):
    found = check(Expectation("f", comparison, 0.5), 1e9, {"other": 1.0})
    assert found.truth is Truth.UNKNOWN
    assert "baseline" in found.why


@pytest.mark.parametrize(("ratio", "base"), [(0.8, 0.0), (0.8, -5.0), (0.0, 5.0), (-1.0, 5.0)])
def test_a_ratio_of_nothing_proves_nothing(ratio, base):
    expectation = Expectation("f", Comparison.RATIO_OF_BASELINE_AT_LEAST, ratio)
    assert check(expectation, 0.0, {"f": base}).truth is Truth.UNKNOWN


@pytest.mark.parametrize("value", [math.nan, math.inf, None, True, "0", [0]])
def test_what_is_no_number_is_unknown_and_never_verified(value):
    expectation = Expectation("f", Comparison.AT_MOST, 1.0)
    judgement = judge([expectation], Measured({"f": value}), {})
    assert judgement.checks[0].truth is Truth.UNKNOWN
    assert verdict(judgement, executed=True) is Verdict.INCONCLUSIVE


def test_a_slip_in_a_field_is_told_with_the_fields_that_were_measured():
    slip = [Expectation("byts", Comparison.AT_MOST, 1)]
    judgement = judge(slip, Measured({"files": 1, "bytes": 2, "name": "x"}), {})
    assert explain(judgement) == (
        "byts: no number was measured of this name; there are bytes, files"
    )
    assert explain(judge(slip, Measured({"name": "x"}), {})) == "byts: no number was measured"


def test_nothing_expected_is_never_verified():
    judgement = judge([], Measured({"f": 1}), {})
    assert verdict(judgement, executed=True) is Verdict.INCONCLUSIVE
    assert confidence(judgement, executed=True) == 0.0


def test_one_broken_field_outweighs_unknown_ones():
    expectations = [
        Expectation("f", Comparison.AT_MOST, 1.0),
        Expectation("g", Comparison.AT_MOST, 1.0),
    ]
    judgement = judge(expectations, Measured({"f": 2}), {})
    assert verdict(judgement, executed=True) is Verdict.FAILED


def test_the_explanation_names_what_is_wrong_with_its_numbers():
    expectations = [
        Expectation("waiting", Comparison.AT_MOST, 0.0),
        Expectation("throughput", Comparison.RATIO_OF_BASELINE_AT_LEAST, 0.8),
    ]
    judgement = judge(expectations, Measured({"waiting": 0, "throughput": 50}), {"throughput": 100})
    assert explain(judgement) == "throughput: measured 50, expected at least 80"
    assert explain(judge(expectations, Unmeasured("timeout"), {})) == "not measured: timeout"


@pytest.mark.parametrize(
    ("comparison", "value", "base", "measured"),
    [
        (Comparison.ABOVE_BASELINE_AT_MOST, 0.1, 0.7, 0.8),
        (Comparison.ABOVE_BASELINE_AT_MOST, 0.05, 0.1, 0.15),
        (Comparison.RATIO_OF_BASELINE_AT_LEAST, 0.8, 0.3, 0.24),
        (Comparison.RATIO_OF_BASELINE_AT_LEAST, 1.1, 3.0, 3.3),
    ],
)
def test_a_bound_is_the_number_that_people_write(comparison, value, base, measured):
    expectation = Expectation("x", comparison, value)
    judgement = judge((expectation,), Measured({"x": measured}), {"x": base})
    assert verdict(judgement, (), executed=True) is Verdict.VERIFIED
