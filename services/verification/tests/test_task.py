import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.state import LONGEST_STATE, canonical
from grace.verification.domain.task import (
    Attempt,
    Mode,
    Outcome,
    Report,
    apply_task,
    compare_task,
    measure_task,
    nothing_executed,
    read_applied,
    read_before,
    refused_by_kernel,
    restored_task,
    revert_task,
)

ERRORS = st.none() | st.sampled_from(
    ["blocked: no permit", "connection lost", "", "was blocked: x", "begun: gone"]
)
REPORTS = st.builds(
    Report,
    outcome=st.sampled_from(list(Outcome)),
    attempt_number=st.integers(0, 3),
    attempts=st.lists(st.builds(Attempt, st.just("failed"), ERRORS), max_size=3).map(tuple),
    error=ERRORS,
)


def test_every_task_of_a_contract_has_its_own_key(make):
    contract = make.contract()
    wanted = [
        apply_task(contract),
        measure_task(contract, 1),
        measure_task(contract, 2),
        revert_task(contract, before="{}", after=None),
        restored_task(contract, again=0),
        revert_task(contract, before="{}", after=None, again=1),
        restored_task(contract, again=1),
        compare_task(contract, again=0),
        compare_task(contract, again=1),
    ]
    assert len({each.key for each in wanted}) == len(wanted)
    assert wanted[0].key == f"{contract.contract_id}:apply"
    assert wanted[1].key == f"{contract.contract_id}:measure:1"
    assert wanted[4].key == f"{contract.contract_id}:restored"


def test_a_measurement_only_observes_and_is_another_operation_than_the_action(make):
    wanted = measure_task(make.contract(), 1)
    assert wanted.mode is Mode.OBSERVE
    assert wanted.operation == "postgres.activity"
    assert wanted.kernel == "postgres"


def test_an_apply_is_read_with_both_of_its_states(make):
    found = read_applied(make.applied())
    assert found is not None
    assert found.before == canonical(make.before)
    assert found.after == canonical(make.after)
    assert found.result == {"set": True}


@pytest.mark.parametrize(
    "result",
    [
        None,
        "",
        "[]",
        '{"before": {}}',
        '{"before": {}, "after": null}',
        '{"before": "x", "after": {}}',
        '{"before": {"a": NaN}, "after": {}}',
        json.dumps({"before": {"a": "x" * LONGEST_STATE}, "after": {}}),
    ],
)
def test_an_apply_without_both_states_is_not_read(result):
    assert read_applied(result) is None


def test_the_before_state_of_a_failed_apply_is_read_where_it_is_told(make):
    assert read_before(make.applied()) == canonical(make.before)
    assert read_before('{"before": {}}') == "{}"
    assert read_before('{"after": {}}') is None
    assert read_before("nonsense") is None


@given(REPORTS)
def test_nothing_was_executed_only_if_every_attempt_was_refused(report):
    refused = [str(attempt.error).startswith("blocked:") for attempt in report.attempts]
    if nothing_executed(report) and report.attempts:
        assert all(refused)
    if nothing_executed(report) and not report.attempts and report.attempt_number:
        assert report.attempt_number == 1
        assert str(report.error).startswith("blocked:")


def test_a_refusal_after_an_attempt_that_lapsed_does_not_prove_that_nothing_happened():
    attempts = (Attempt("lapsed", None), Attempt("failed", "blocked: capability expired"))
    report = Report(Outcome.FAILED, 2, attempts, error="blocked: capability expired")
    assert not nothing_executed(report)


def test_a_task_that_nobody_claimed_changed_nothing():
    assert nothing_executed(Report(Outcome.EXPIRED, 0))
    assert not nothing_executed(Report(Outcome.EXPIRED, 1))


@pytest.mark.parametrize(
    ("outcome", "error", "error_class", "expected"),
    [
        (Outcome.FAILED, "Changed by somebody else", "nonretryable", True),
        (Outcome.FAILED, "blocked: capability expired", "nonretryable", False),
        (Outcome.DEAD_LETTER, "connection lost", "transient", False),
        (Outcome.NEEDS_ATTENTION, None, None, True),
    ],
)
def test_a_person_is_needed_where_the_kernel_itself_refused(outcome, error, error_class, expected):
    report = Report(outcome, 1, error=error, error_class=error_class)
    assert refused_by_kernel(report) is expected
