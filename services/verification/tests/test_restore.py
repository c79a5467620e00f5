import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from grace.verification.domain.contract import Comparison, Expectation
from grace.verification.domain.restore import explain_restored, is_equal, judge_restored
from grace.verification.domain.state import as_large, canonical, large_text, read_state
from grace.verification.domain.verdict import Measured, Unmeasured

STATES = st.dictionaries(
    st.text(max_size=3),
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2),
    max_size=3,
)


def restored(make, observed, reading, contract=None):
    return judge_restored(
        contract or make.contract(),
        before=canonical(make.before),
        observed=observed,
        reading=reading,
    )


def test_restored_needs_the_raw_state_and_the_measured_fields(make):
    good = Measured(make.good)
    assert restored(make, make.before, good).restored
    assert not restored(make, make.after, good).restored
    assert not restored(make, make.before, Unmeasured("timeout")).restored
    assert not restored(make, make.before, Measured({**make.good, "error_rate": 1.0})).restored
    assert not restored(make, make.before, Measured({"waiting": 0})).restored


def test_what_the_action_was_to_reach_is_not_asked_of_a_restored_world(make):
    still_waiting = Measured({**make.good, "waiting": 7})
    assert restored(make, make.before, still_waiting).restored


def test_without_a_baseline_nobody_knows_whether_the_target_is_back(make):
    found = restored(make, make.before, Measured(make.good), make.contract(baseline=None))
    assert not found.restored
    assert "no baseline" in explain_restored(found)


def test_each_reason_has_its_words(make):
    good = Measured(make.good)
    assert explain_restored(restored(make, make.before, good)) == (
        "the state is back, and throughput, error_rate as before the incident"
    )
    assert "not the state" in explain_restored(restored(make, make.after, good))
    late = restored(make, make.before, Unmeasured("late"))
    assert "could not be measured" in explain_restored(late)
    broken = restored(make, make.before, Measured({**make.good, "error_rate": 1.0}))
    assert "error_rate: measured 1" in explain_restored(broken)


def test_nobody_says_that_the_target_is_back_where_nothing_was_held_against_a_baseline(make):
    only = Expectation("error_rate", Comparison.AT_MOST, 0.05)
    contract = make.contract()
    contract = replace(contract, action=replace(contract.action, expectations=(only,)))
    found = restored(make, make.before, Measured({"error_rate": 1.0}), contract)
    assert found.restored
    assert "nothing that was promised says by a baseline" in explain_restored(found)


@given(STATES, STATES)
def test_states_are_equal_exactly_when_their_values_and_types_are(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert is_equal(canonical(one), other) == same


@given(STATES)
def test_a_state_survives_storage(state):
    stored = read_state(canonical(state))
    assert stored is not None
    assert is_equal(canonical(state), stored)


@given(STATES, STATES)
def test_a_long_state_is_equal_exactly_when_its_hash_is(one, other):
    """The action's own state is told by its hash; what is seen later may be, too."""
    sha256, size = as_large(one)
    kept = canonical(
        {"$large": {"sha256": sha256, "bytes": size, "blob_sha256": "b" * 64, "blob_bytes": 9}}
    )
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert is_equal(kept, other) == same
    assert is_equal(kept, read_state(large_text(*as_large(other)))) == same
    assert not is_equal(canonical(other), read_state(large_text(sha256, size)))
