"""The rules of steering: nothing final moves, nothing held is taken away, nothing is done unjudged."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from grace.htm.domain.lifecycle import FINAL, HELD, TRANSITIONS, Event, State
from grace.htm.domain.steering import (
    REPLAYABLE,
    Act,
    AlreadySo,
    Ask,
    Declined,
    End,
    Repeat,
    Requeue,
    Steered,
    replay_key,
    steer,
)

TASKS = st.builds(
    Steered,
    task_id=st.uuids(),
    state=st.sampled_from(State),
    cancel_asked=st.booleans(),
    released=st.booleans(),
    contract_id=st.none() | st.just("contract-1"),
    order=st.just("{}"),
)


@given(act=st.sampled_from(Act), task=TASKS)
def test_a_decision_uses_a_door_that_the_table_has(act: Act, task: Steered) -> None:
    doors = TRANSITIONS[task.state]
    match steer(act, task):
        case End():
            assert Event.CANCEL in doors
            assert task.state not in HELD
        case Ask():
            assert Event.CANCEL in doors
            assert task.state in HELD | {State.JOINING}
        case Requeue():
            assert doors[Event.RELEASE] is State.QUEUED
        case Repeat():
            assert task.state in FINAL


@given(task=TASKS)
def test_a_cancel_is_obeyed_declined_or_was_asked_before(task: Steered) -> None:
    decision = steer(Act.CANCEL, task)
    assert isinstance(decision, AlreadySo) is task.cancel_asked
    if not task.cancel_asked:
        assert isinstance(decision, Declined) is (task.state in FINAL)


@given(task=TASKS)
def test_only_a_task_at_rest_is_released(task: Steered) -> None:
    decision = steer(Act.RELEASE, task)
    rests = task.state is State.NEEDS_ATTENTION
    assert isinstance(decision, Requeue) is (rests and task.contract_id is None)


@given(task=TASKS)
def test_what_a_contract_was_judged_by_is_never_done_again(task: Steered) -> None:
    repeats = isinstance(steer(Act.REPLAY, task), Repeat)
    assert repeats is (task.state in REPLAYABLE and task.contract_id is None)


@given(act=st.sampled_from(Act), task=TASKS)
def test_whoever_is_declined_is_told_why(act: Act, task: Steered) -> None:
    decision = steer(act, task)
    if isinstance(decision, Declined):
        assert task.state in decision.reason or str(task.contract_id) in decision.reason


def test_the_key_of_a_replay_is_no_identifier() -> None:
    assert replay_key(UUID(int=1)) == "00000000-0000-0000-0000-000000000001/replay"
