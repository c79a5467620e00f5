from hypothesis import given
from hypothesis import strategies as st

from grace.intent.domain.lifecycle import FINAL, FIRST, OPEN, TRANSITIONS, Event, State, after


def _reachable(start: State) -> set[State]:
    found, todo = {start}, [start]
    while todo:
        for state in TRANSITIONS[todo.pop()].values():
            if state not in found:
                found.add(state)
                todo.append(state)
    return found


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_every_state_is_reachable_from_the_first() -> None:
    assert _reachable(FIRST) == set(State)


def test_every_state_can_end() -> None:
    assert all(_reachable(state) & FINAL for state in State)


@given(st.lists(st.sampled_from(Event)))
def test_every_decision_uses_a_legal_door_and_an_end_is_an_end(events: list[Event]) -> None:
    state = FIRST
    for event in events:
        reached = after(state, event)
        assert reached == TRANSITIONS[state].get(event)
        assert reached is None or state in OPEN
        state = reached or state


def test_an_open_mission_is_whatever_has_not_closed() -> None:
    assert {State.CLOSED} == FINAL
    assert all(after(state, Event.CLOSE) is State.CLOSED for state in OPEN)
