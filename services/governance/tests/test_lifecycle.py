"""The four standard properties of a lifecycle table."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from grace.governance.domain.approvals import Request
from grace.governance.domain.electorate import Electorate
from grace.governance.domain.lifecycle import FINAL, INITIAL, TRANSITIONS, Event, State
from grace.governance.domain.quorum import Ballot, Choice, Decided, Vote, decide
from grace.governance.domain.tiers import Tier, approvers_needed

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = st.sampled_from(["ada", "bob", "Ada", "cyd", "dan"])


def reachable(start: State) -> frozenset[State]:
    seen, edge = {start}, [start]
    while edge:
        following = set(TRANSITIONS[edge.pop()].values()) - seen
        seen |= following
        edge.extend(following)
    return frozenset(seen)


def legal_ends() -> Iterator[State]:
    yield from (TRANSITIONS[State.PENDING][event] for event in (Event.GRANT, Event.REJECT))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    tier = draw(st.sampled_from(Tier))
    return Request(
        approval_id="approval-1",
        tenant_id="default",
        mission_id="mission-1",
        plan_hash="p",
        shown_hash="s",
        playbook="postgres-blocked-sessions",
        requested_by=draw(PEOPLE),
        correlation_id="c",
        tier=tier,
        quorum=approvers_needed(tier),
        status=draw(st.sampled_from(State)),
        version=draw(st.integers(1, 3)),
        requested_at=NOW - timedelta(minutes=5),
        expires_at=NOW + timedelta(seconds=draw(st.integers(-2, 2))),
    )


VOTES = st.lists(st.builds(Vote, PEOPLE, st.just(Choice.APPROVE), st.just(NOW)), max_size=3)
BALLOTS = st.builds(
    Ballot,
    PEOPLE,
    st.sampled_from(Choice),
    st.sampled_from(["s", "other"]),
    st.sampled_from([None, 1, 2]),
)


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
    assert {event for exits in TRANSITIONS.values() for event in exits} == set(Event)


def test_every_state_can_be_reached() -> None:
    assert reachable(INITIAL) == set(State)


def test_every_state_can_end() -> None:
    assert all(reachable(state) & FINAL for state in State)


@given(requests(), VOTES, BALLOTS)
def test_each_decision_uses_a_legal_door(
    request: Request, votes: list[Vote], ballot: Ballot
) -> None:
    electorate = Electorate(frozenset({request.requested_by.lower()}))
    match decide(request, votes, ballot, electorate, now=NOW):
        case Decided(status):
            assert request.status is State.PENDING
            assert status in set(legal_ends())
        case _:
            pass
