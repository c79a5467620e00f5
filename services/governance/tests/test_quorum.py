"""Who may decide, and when a plan has enough approvals."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grace.governance.domain.approvals import Request
from grace.governance.domain.electorate import Electorate
from grace.governance.domain.lifecycle import State
from grace.governance.domain.quorum import (
    Ballot,
    Choice,
    Counted,
    Decided,
    Refusal,
    Refused,
    Repeated,
    Vote,
    decide,
)
from grace.governance.domain.tiers import Tier, approvers_needed, highest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PEOPLE = ["ada", "bob", "cyd", "dan"]
EVERYBODY = Electorate(frozenset({"requester"}))


def request(tier: Tier = Tier.REVERSIBLE, **changes: object) -> Request:
    made = Request(
        approval_id="approval-1",
        tenant_id="default",
        mission_id="mission-1",
        plan_hash="plan",
        shown_hash="shown",
        playbook="postgres-blocked-sessions",
        requested_by="requester",
        correlation_id="c",
        tier=tier,
        quorum=approvers_needed(tier),
        status=State.PENDING,
        version=1,
        requested_at=NOW - timedelta(minutes=5),
        expires_at=NOW + timedelta(minutes=55),
    )
    return replace(made, **changes)


def ballot(principal: str = "ada", choice: Choice = Choice.APPROVE, **changes: object) -> Ballot:
    return replace(Ballot(principal, choice, "shown"), **changes)


def vote(principal: str, choice: Choice = Choice.APPROVE) -> Vote:
    return Vote(principal, choice, NOW)


def test_one_person_is_enough_at_tier_two() -> None:
    assert decide(request(), [], ballot(), EVERYBODY, now=NOW) == Decided(
        State.GRANTED, ("ada",), "ada"
    )


def test_tier_three_needs_two_people() -> None:
    asked = request(Tier.DANGEROUS)
    assert decide(asked, [], ballot(), EVERYBODY, now=NOW) == Counted("ada", 1)
    second = decide(asked, [vote("ada")], ballot("bob"), EVERYBODY, now=NOW)
    assert second == Decided(State.GRANTED, ("ada", "bob"), "bob")


def test_the_same_person_counts_once() -> None:
    asked = request(Tier.DANGEROUS)
    assert decide(asked, [vote("ada")], ballot("ada"), EVERYBODY, now=NOW) == Repeated(counts=True)
    assert decide(asked, [vote("ada")], ballot("ADA"), EVERYBODY, now=NOW) == Repeated(counts=True)


def test_one_rejection_ends_it_even_after_an_approval() -> None:
    asked = request(Tier.DANGEROUS)
    answer = decide(asked, [vote("ada")], ballot("bob", Choice.REJECT), EVERYBODY, now=NOW)
    assert answer == Decided(State.REJECTED, ("bob",), "bob")


def test_who_approved_may_still_reject() -> None:
    asked = request(Tier.DANGEROUS)
    answer = decide(asked, [vote("ada")], ballot("ada", Choice.REJECT), EVERYBODY, now=NOW)
    assert answer == Decided(State.REJECTED, ("ada",), "ada")


@pytest.mark.parametrize(
    ("asked", "given_", "reason"),
    [
        (request(), ballot("requester"), Refusal.OWN_REQUEST),
        (request(), ballot("Requester"), Refusal.OWN_REQUEST),
        (request(), ballot("requester", Choice.REJECT), Refusal.OWN_REQUEST),
        (request(status=State.GRANTED), ballot(), Refusal.DECIDED),
        (request(status=State.REJECTED), ballot(), Refusal.DECIDED),
        (request(status=State.EXPIRED), ballot(), Refusal.EXPIRED),
        (request(expires_at=NOW), ballot(), Refusal.EXPIRED),
        (request(version=2), ballot(if_version=1), Refusal.STALE_VERSION),
        (request(), ballot(shown_hash="other"), Refusal.OTHER_HASH),
    ],
)
def test_a_ballot_is_refused_with_its_reason(
    asked: Request, given_: Ballot, reason: Refusal
) -> None:
    assert decide(asked, [], given_, EVERYBODY, now=NOW) == Refused(reason)


@given(
    st.sampled_from([Tier.REVERSIBLE, Tier.DANGEROUS]),
    st.lists(
        st.tuples(
            st.sampled_from([*PEOPLE, "requester", "ADA"]),
            st.sampled_from(Choice),
            st.sampled_from(["shown", "forged"]),
        ),
        max_size=12,
    ),
)
def test_no_order_of_ballots_grants_without_enough_different_people(
    tier: Tier, handed_in: list[tuple[str, Choice, str]]
) -> None:
    asked, votes = request(tier), []
    for principal, choice, seen in handed_in:
        answer = decide(asked, votes, Ballot(principal, choice, seen), EVERYBODY, now=NOW)
        match answer:
            case Counted():
                votes.append(vote(principal, choice))
            case Decided(status, decided_by, _):
                assert asked.status is State.PENDING, "decided twice"
                asked = replace(asked, status=status, decided_by=decided_by)
    if asked.status is State.GRANTED:
        assert len(set(asked.decided_by)) == len(asked.decided_by) >= asked.quorum
        assert "requester" not in asked.decided_by
        honest = {who.lower() for who, choice, seen in handed_in if seen == "shown"}
        assert set(asked.decided_by) <= honest


@given(st.lists(st.sampled_from(Tier), min_size=1))
def test_a_plan_is_as_dangerous_as_its_worst_action(tiers: list[Tier]) -> None:
    assert all(tier <= highest(tiers) for tier in tiers)
    assert approvers_needed(highest(tiers)) == max(approvers_needed(tier) for tier in tiers)
