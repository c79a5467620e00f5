from collections.abc import Mapping
from enum import StrEnum

import pytest

from grace.verification.domain.lifecycle import (
    FINAL,
    INITIAL,
    MISSION_FINAL,
    MISSION_INITIAL,
    MISSION_TRANSITIONS,
    TRANSITIONS,
    VERDICTS,
    Event,
    MissionEvent,
    MissionStatus,
    Status,
    mission_sources,
    mission_target,
)

TABLES = [
    pytest.param(TRANSITIONS, INITIAL, Status, Event, id="contract"),
    pytest.param(MISSION_TRANSITIONS, MISSION_INITIAL, MissionStatus, MissionEvent, id="mission"),
]
Table = Mapping[StrEnum, Mapping[StrEnum, StrEnum]]


def reachable(table: Table, start: StrEnum) -> set[StrEnum]:
    found, fresh = {start}, [start]
    while fresh:
        for state in set(table[fresh.pop()].values()) - found:
            found.add(state)
            fresh.append(state)
    return found


@pytest.mark.parametrize(("table", "start", "states", "events"), TABLES)
def test_every_state_is_in_its_table_can_be_reached_and_can_end(
    table: Table, start: StrEnum, states: type[StrEnum], events: type[StrEnum]
) -> None:
    finals = {state for state, exits in table.items() if not exits}
    assert set(table) == set(states) == reachable(table, start)
    assert all(reachable(table, state) & finals for state in states)
    assert {event for exits in table.values() for event in exits} == set(events)


@pytest.mark.parametrize("table", [TRANSITIONS, MISSION_TRANSITIONS])
def test_every_event_leads_to_one_state_only(table: Table) -> None:
    for event in {event for exits in table.values() for event in exits}:
        assert len({exits[event] for exits in table.values() if event in exits}) == 1


def test_the_doors_to_verified_come_from_a_measurement_only():
    def doors(to: Status) -> set[Status]:
        return {state for state, exits in TRANSITIONS.items() if to in exits.values()}

    assert doors(Status.VERIFIED) == {Status.MEASURING, Status.PROVEN}
    assert doors(Status.PROVEN) == {Status.MEASURING}


def test_rolled_back_is_reached_only_from_a_measured_restoration():
    doors = {state for state, exits in TRANSITIONS.items() if Status.ROLLED_BACK in exits.values()}
    assert doors == {Status.RESTORING}


def test_what_needs_attention_never_becomes_a_success():
    assert Status.NEEDS_ATTENTION not in FINAL
    assert set(TRANSITIONS[Status.NEEDS_ATTENTION].values()) <= {
        Status.REVERTING,
        Status.FAILED,
        Status.ROLLBACK_FAILED,
    }


def test_a_mission_ends_in_the_same_words_as_a_contract():
    assert {status.value for status in MISSION_FINAL} == {status.value for status in FINAL}
    assert VERDICTS < FINAL


def test_what_ends_an_undecided_mission_cannot_end_one_that_acts():
    for event in (MissionEvent.FIND_NO_PLAN, MissionEvent.REJECT, MissionEvent.LAPSE):
        assert MissionStatus.ACTING not in mission_sources(event)
    for event in (MissionEvent.VERIFY, MissionEvent.BLOCK, MissionEvent.EXPIRE):
        assert mission_sources(event) == (MissionStatus.ACTING,)


def test_a_decision_leaves_only_a_mission_that_waits_for_one():
    waiting = {MissionStatus.PLANNED, MissionStatus.AWAITING_APPROVAL}
    assert set(mission_sources(MissionEvent.GRANT)) == waiting
    assert mission_target(MissionEvent.GRANT) is MissionStatus.ACTING
