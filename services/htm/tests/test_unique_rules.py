"""Unique keys: whatever is submitted in whatever order, one live task holds a key."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.lifecycle import FINAL, HELD, State
from grace.htm.domain.unique import (
    REPLACEABLE,
    Holder,
    Policy,
    Unique,
    UniqueKey,
    first_of_each_key,
    judge,
    refuse_alike,
)

OLD = UUID(int=1000)


@dataclass(frozen=True)
class Wish:
    """A submitted task, as far as its key goes."""

    task_id: UUID
    unique: Unique | None
    tenant_id: str = "t"


def wish(number: int, policy: Policy | None = Policy.REFUSE, key: str = "k") -> Wish:
    return Wish(UUID(int=number), Unique(key, policy) if policy else None)


def held(state: State) -> dict[UniqueKey, Holder]:
    return {("t", "k"): Holder(OLD, state)}


def test_nobody_works_on_what_may_be_replaced_and_nobody_has_to_decide_on_it() -> None:
    assert {*State} - HELD - FINAL - {State.NEEDS_ATTENTION, State.JOINING} == REPLACEABLE


@pytest.mark.parametrize("state", sorted([*HELD, State.NEEDS_ATTENTION]))
def test_what_runs_or_rests_is_not_replaced(state: State) -> None:
    verdicts = judge([wish(1, Policy.REPLACE)], held(state))
    assert (verdicts.entering, verdicts.refused) == (set(), {UUID(int=1): OLD})


@pytest.mark.parametrize("state", sorted(REPLACEABLE))
def test_what_waits_is_replaced_by_the_last_of_a_batch(state: State) -> None:
    verdicts = judge([wish(1, Policy.REPLACE), wish(2, Policy.REPLACE)], held(state))
    assert verdicts.replaced == {OLD: UUID(int=1), UUID(int=1): UUID(int=2)}
    assert verdicts.holding == {("t", "k"): UUID(int=2)}


def test_who_joins_gets_the_task_that_holds_the_key_also_one_of_its_batch() -> None:
    assert judge([wish(1, Policy.JOIN)], held(State.RUNNING)).joined == {UUID(int=1): OLD}
    verdicts = judge([wish(1), wish(2, Policy.JOIN), wish(3)], {})
    assert verdicts.joined == {UUID(int=2): UUID(int=1)}
    assert verdicts.refused == {UUID(int=3): UUID(int=1)}


def test_keys_of_other_tenants_are_other_keys() -> None:
    other = Wish(UUID(int=2), Unique("k"), tenant_id="other")
    assert judge([wish(1), other], {}).entering == {UUID(int=1), UUID(int=2)}


def test_the_first_task_under_a_client_key_speaks_for_all_of_them() -> None:
    tasks = [wish(1), wish(2), wish(3, None), wish(4), wish(5, None)]
    keys = [("t", "a"), ("t", "a"), ("t", "b"), ("t", "b"), ("t", "a")]
    first = first_of_each_key(tasks, keys)
    assert first == [tasks[0], tasks[2]]
    verdicts = judge(first, held(State.RUNNING))
    refuse_alike(verdicts, tasks, keys)
    assert verdicts.refused == {UUID(int=n): OLD for n in (1, 2, 5)}


@given(
    st.lists(st.tuples(st.sampled_from(Policy), st.sampled_from("ab")), max_size=8),
    st.dictionaries(st.sampled_from("ab"), st.sampled_from(sorted(set(State) - FINAL)), max_size=2),
)
def test_one_live_task_holds_a_key_and_every_submission_has_one_end(
    wanted: list[tuple[Policy, str]], before: dict[str, State]
) -> None:
    tasks = [wish(n, policy, key) for n, (policy, key) in enumerate(wanted)]
    holders = {
        ("t", key): Holder(UUID(int=1000 + ord(key)), state) for key, state in before.items()
    }
    verdicts = judge(tasks, holders)
    ends = [set(verdicts.entering), set(verdicts.joined), set(verdicts.refused)]
    assert sum(map(len, ends)) == len(tasks)
    assert set().union(*ends) == {task.task_id for task in tasks}
    for key in {key for _, key in wanted}:
        old = [holders[("t", key)].task_id] if ("t", key) in holders else []
        new = [t.task_id for t in tasks if t.unique and t.unique.key == key]
        entered = [task_id for task_id in (*old, *new) if task_id in {*old, *verdicts.entering}]
        assert len([task_id for task_id in entered if task_id not in verdicts.replaced]) == 1
