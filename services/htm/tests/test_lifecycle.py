"""The standard properties of a lifecycle, and the picture of it in the README."""

import re
from pathlib import Path

import pytest

from grace.htm.domain.lifecycle import (
    BEGINNINGS,
    FINAL,
    HELD,
    TRANSITIONS,
    Event,
    IllegalMove,
    State,
    after,
)

README = Path(__file__).parents[1] / "README.md"


def _reachable(start: State) -> set[State]:
    seen, ahead = {start}, [start]
    while ahead:
        for state in TRANSITIONS[ahead.pop()].values():
            if state not in seen:
                seen.add(state)
                ahead.append(state)
    return seen


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)


def test_every_state_is_reachable_from_where_tasks_come_in() -> None:
    assert set().union(*map(_reachable, BEGINNINGS)) == set(State)
    assert _reachable(State.WAITING) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_can_end(state: State) -> None:
    assert _reachable(state) & FINAL


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_an_event_leads_through_a_listed_door_or_is_refused(state: State, event: Event) -> None:
    if event in TRANSITIONS[state]:
        assert after(state, event) is TRANSITIONS[state][event]
    else:
        with pytest.raises(IllegalMove):
            after(state, event)


def test_every_event_opens_some_door() -> None:
    assert {event for doors in TRANSITIONS.values() for event in doors} == set(Event)


def test_final_states_are_those_that_were_promised() -> None:
    assert {"succeeded", "failed", "cancelled", "expired", "dead_letter"} == FINAL


def test_an_attempt_can_end_from_every_held_state_in_every_way() -> None:
    endings = [set(TRANSITIONS[state].values()) - HELD for state in HELD]
    assert endings[0] == endings[1]


def test_the_picture_in_the_readme_is_the_table() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", README.read_text(), re.MULTILINE))
    listed = {
        (str(state), str(leads_to), str(event))
        for state, doors in TRANSITIONS.items()
        for event, leads_to in doors.items()
    }
    assert drawn == listed
