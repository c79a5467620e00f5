"""Late looks, without a server: what they measure, and what the takes of one say."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.verification.domain.contract import Comparison, Expectation, Measure, Measurement
from grace.verification.domain.tally import Take
from grace.verification.domain.verdict import Measured, Unmeasured
from grace.verification.domain.watch import PRIMARY, Found, late_look, measures_of_look

WEB = Measure(
    "web",
    Measurement("http.get", "web", '{"path":"/"}', 1000),
    (Expectation("ok", Comparison.AT_LEAST, 1.0),),
    count=5,
    warmup=timedelta(seconds=30),
    interval=timedelta(seconds=10),
    errors_at_most=4,
)


def contract(make, *measures):
    return make.contract(action=make.action(measures=measures))


TOLERANT = replace(WEB, failures_at_most=2, errors_at_most=0, successes_at_least=3)


def test_each_measure_but_dry_runs_is_taken_once_and_at_once(make):
    dry = replace(WEB, name="dry", dry_run=True)
    own, web = measures_of_look(contract(make, WEB, dry))
    assert (own.name, own.measurement.operation) == (PRIMARY, "postgres.activity")
    assert (web.count, web.due_after(1), web.errors_at_most) == (1, timedelta(0), 0)


@pytest.mark.parametrize(("tolerated", "count"), [(0, 1), (2, 3), (4, 5), (5, 5), (2**32 - 1, 5)])
def test_what_tolerates_failures_is_taken_as_often_as_shows_drift(make, tolerated, count):
    _, web = measures_of_look(contract(make, replace(WEB, failures_at_most=tolerated)))
    assert (web.count, web.failures_at_most) == (count, tolerated)
    assert web.due_after(count) == WEB.interval * (count - 1)


@pytest.mark.parametrize(
    ("takes", "found"),
    [
        ([1, 1, 1], Found.QUIET),
        ([0, 1, 0], Found.QUIET),
        ([0, 0, 0], Found.RETURNED),
        ([0, 0, None], Found.UNKNOWN),
        ([0, 0], None),
    ],
)
def test_a_failure_that_the_contract_tolerates_takes_no_verdict_back(make, takes, found):
    whole = contract(make, TOLERANT)
    primary = Take(PRIMARY, 1, Measured(make.good))
    web = [
        Take("web", number, reading(None if ok is None else {"ok": ok}))
        for number, ok in enumerate(takes, start=1)
    ]
    look = late_look(whole, [primary, *web])
    assert (look and look.found) is found


def test_a_look_never_takes_back_what_no_failure_could_have_failed(make):
    whole = contract(make, replace(WEB, count=2, failures_at_most=2))
    takes = [Take("web", number, Measured({"ok": 0})) for number in (1, 2)]
    look = late_look(whole, [Take(PRIMARY, 1, Measured(make.good)), *takes])
    assert look is not None
    assert look.found is Found.UNKNOWN


@pytest.mark.parametrize(
    ("primary", "web", "found"),
    [
        ({}, {"ok": 1}, Found.QUIET),
        ({"waiting": 9}, {"ok": 1}, Found.RETURNED),
        ({}, {"ok": 0}, Found.RETURNED),
        ({"waiting": 9}, None, Found.RETURNED),
        ({}, None, Found.UNKNOWN),
        ({"waiting": math.nan}, {"ok": 1}, Found.UNKNOWN),
        (None, {"ok": 1}, Found.UNKNOWN),
    ],
)
def test_only_measured_drift_is_a_return(make, primary, web, found):
    takes = [
        Take(PRIMARY, 1, reading(None if primary is None else {**make.good, **primary})),
        Take("web", 1, reading(web)),
    ]
    look = late_look(contract(make, WEB), takes)
    assert look is not None
    assert look.found is found
    assert (look.confidence == 1.0) == (found is Found.QUIET)
    assert look.actual["web.ok"] == (web or {}).get("ok")


def reading(state):
    return Unmeasured("down") if state is None else Measured(state)


def test_a_look_waits_for_what_may_still_come(make):
    whole = contract(make, WEB)
    assert late_look(whole, []) is None
    assert late_look(whole, [Take(PRIMARY, 1, None), Take("web", 1, Measured({"ok": 1}))]) is None
    assert late_look(whole, [Take(PRIMARY, 1, Measured(make.good)), Take("web", 1, None)]) is None


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["waiting", "throughput", "error_rate"]),
        st.sampled_from([0, 0.04, 1, 79.0, 95.0, math.nan, math.inf, None, "0", True]),
    )
    | st.none()
)
def test_no_measurement_takes_a_verdict_back_unless_it_shows_drift(make, state):
    look = late_look(contract(make), [Take(PRIMARY, 1, reading(state))])
    assert look is not None
    numbers = {
        name: value
        for name, value in (state or {}).items()
        if type(value) in {int, float} and math.isfinite(value)
    }
    drifts = (
        numbers.get("waiting", 0) > 0
        or numbers.get("throughput", 80) < 80
        or numbers.get("error_rate", 0) > 0.05
    )
    assert (look.found is Found.RETURNED) == drifts
    assert (look.found is Found.QUIET) == (not drifts and len(numbers) == 3)
