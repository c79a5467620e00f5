import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.contract import (
    LARGEST_DRAFT,
    Comparison,
    Expectation,
    contract_id,
    draft,
    flaw,
    size_flaw,
)


@given(
    mission=st.text(),
    plan_hash=st.text(),
    action=st.text(),
    now=st.datetimes(),
    revision=st.integers(1),
)
def test_a_contract_id_has_sixteen_hex_digits_and_the_unix_time(
    mission, plan_hash, action, now, revision
):
    found = contract_id(mission, plan_hash, action, now=now, revision=revision)
    assert re.fullmatch(r"contract-[0-9a-f]{16}--?[0-9]+", found)
    assert found.endswith(f"-{int(now.timestamp())}")


def test_the_same_promise_at_the_same_time_has_the_same_id_and_another_promise_another(make):
    one = contract_id("m", "p", "a", now=make.now)
    assert one == contract_id("m", "p", "a", now=make.now)
    others = {
        contract_id("n", "p", "a", now=make.now),
        contract_id("m", "q", "a", now=make.now),
        contract_id("m", "p", "b", now=make.now),
        contract_id("m", "p", "a", now=make.now, revision=2),
        contract_id("m\np", "", "a", now=make.now),
    }
    assert one not in others
    assert len(others) == 5


def test_a_contract_carries_the_baseline_from_before_the_incident(make):
    plan = make.plan()
    found = draft(plan, plan.actions[0], plan_hash="h", baseline=make.baseline(), now=make.now)
    assert found.baseline == make.baseline()
    assert found.baseline_values["throughput"] == 100.0


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1)])
def test_a_baseline_measured_at_or_after_the_detection_is_no_baseline(make, late):
    plan = make.plan()
    measured = make.baseline(measured_at=plan.detected_at + late)
    found = draft(plan, plan.actions[0], plan_hash="h", baseline=measured, now=make.now)
    assert found.baseline is None
    assert found.baseline_values == {}


@pytest.mark.parametrize(("late", "kept"), [(timedelta(seconds=-1), 1), (timedelta(0), 0)])
def test_a_measures_baseline_is_from_before_the_detection_or_none(make, late, kept):
    plan = make.plan()
    measured = {"web": make.baseline(measured_at=plan.detected_at + late)}
    action = plan.actions[0]
    found = draft(plan, action, plan_hash="h", baseline=None, baselines=measured, now=make.now)
    assert len(found.baselines) == kept


def test_a_whole_plan_has_no_flaw(make):
    assert flaw(make.plan()) is None
    assert flaw(make.plan(make.action(), make.action(action_id="b", sequence=1))) is None


def test_each_flaw_is_named(make):
    unspecified = (Expectation("waiting", Comparison.UNSPECIFIED, 0.0),)
    flaws = {
        "no action": replace(make.plan(), actions=()),
        "more than 100": make.plan(*(make.action() for _ in range(101))),
        "same id": make.plan(make.action(), make.action(sequence=1)),
        "not in order": make.plan(make.action(sequence=1)),
        "expects nothing": make.plan(make.action(expectations=())),
        "comparison": make.plan(make.action(expectations=unspecified)),
        "other parameters": make.plan(make.action(params_hash="00")),
        "tier 4": make.plan(make.action(tier=4)),
    }
    for words, plan in flaws.items():
        assert words in (flaw(plan) or "")


def test_contracts_that_do_not_fit_one_message_are_a_flaw():
    assert size_flaw([b"x" * LARGEST_DRAFT]) is None
    assert size_flaw([b"x" * LARGEST_DRAFT, b"x"]) is not None
