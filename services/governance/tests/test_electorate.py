"""Seats, groups, delegations and joined requesters: who counts, for whom, and once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grace.governance.domain.approvals import Request
from grace.governance.domain.delegation import Flaw, refusal
from grace.governance.domain.electorate import Delegation, Electorate
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
    break_glass,
    decide,
)
from grace.governance.domain.reminders import Reminder, Rhythm, next_reminder
from grace.governance.domain.reviews import Finding, Review, Status
from grace.governance.domain.reviews import Refusal as ReviewRefusal
from grace.governance.domain.reviews import refusal as review_refusal
from grace.governance.domain.tiers import Tier

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GROUPS = {"ada": "dba", "bob": "dba", "cyd": "leads", "dan": "ops"}
SEATED = Electorate(frozenset({"req"}), GROUPS)
REQUEST = Request(
    approval_id="approval-1",
    tenant_id="default",
    mission_id="mission-1",
    plan_hash="plan",
    shown_hash="shown",
    playbook="postgres-blocked-sessions",
    requested_by="req",
    correlation_id="c",
    tier=Tier.DANGEROUS,
    quorum=2,
    status=State.PENDING,
    version=1,
    requested_at=NOW - timedelta(minutes=5),
    expires_at=NOW + timedelta(minutes=55),
)


def ballot(principal: str, choice: Choice = Choice.APPROVE) -> Ballot:
    return Ballot(principal, choice, "shown")


def vote(principal: str, seat: str | None = None) -> Vote:
    return Vote(principal, Choice.APPROVE, NOW, seat=seat)


def lent(
    by: str, to: str, *, minutes: int = 30, at: datetime = NOW - timedelta(minutes=1)
) -> Delegation:
    return Delegation(by, to, at, NOW + timedelta(minutes=minutes), "away")


def test_two_people_of_one_group_are_one_voice() -> None:
    first = decide(REQUEST, [vote("ada")], ballot("bob"), SEATED, now=NOW)
    assert first == Counted("bob", 1)
    both = [vote("ada"), vote("bob")]
    third = decide(REQUEST, both, ballot("cyd"), SEATED, now=NOW)
    assert third == Decided(State.GRANTED, ("ada", "bob", "cyd"), "cyd")


def test_who_has_no_seat_decides_nothing() -> None:
    for choice in Choice:
        answer = decide(REQUEST, [], ballot("eve", choice), SEATED, now=NOW)
        assert answer == Refused(Refusal.NO_SEAT)


def test_a_vote_falls_with_the_seat_of_who_gave_it() -> None:
    left = replace(SEATED, groups={"cyd": "leads", "dan": "ops"})
    answer = decide(REQUEST, [vote("ada")], ballot("cyd"), left, now=NOW)
    assert answer == Counted("cyd", 1)


def test_whose_vote_fell_with_a_lent_seat_may_give_it_again_from_their_own() -> None:
    fallen = [vote("ben", "ada"), vote("cyd")]
    seated = Electorate(SEATED.requesters, {"ben": "ops", "cyd": "leads"})
    again = decide(REQUEST, fallen, ballot("ben"), seated, now=NOW)
    assert again == Decided(State.GRANTED, ("cyd", "ben"), "ben")
    assert decide(REQUEST, fallen[:1], ballot("ben"), seated, now=NOW) == Repeated(counts=False)


def test_who_voted_from_their_own_seat_is_not_a_second_voice_from_a_lent_one() -> None:
    both = replace(SEATED, delegations=(lent("dan", "ada"),))
    assert decide(REQUEST, [vote("ada")], ballot("ada"), both, now=NOW) == Repeated(counts=True)


def test_a_vote_falls_when_its_giver_asks_for_the_same_mission() -> None:
    joined = replace(SEATED, requesters=frozenset({"req", "ada"}))
    assert decide(REQUEST, [vote("ada")], ballot("cyd"), joined, now=NOW) == Counted("cyd", 1)
    refused = decide(REQUEST, [], ballot("Ada"), joined, now=NOW)
    assert refused == Refused(Refusal.OWN_REQUEST)


def test_a_tenant_whose_seats_are_all_taken_away_is_not_open_to_everybody() -> None:
    empty = replace(SEATED, groups={})
    assert decide(REQUEST, [], ballot("ada"), empty, now=NOW) == Refused(Refusal.NO_SEAT)


def test_a_delegate_speaks_for_the_group_of_the_seat() -> None:
    with_eve = replace(SEATED, delegations=(lent("cyd", "eve"),))
    answer = decide(REQUEST, [vote("ada")], ballot("eve"), with_eve, now=NOW)
    assert answer == Decided(State.GRANTED, ("ada", "eve"), "cyd")
    over = replace(SEATED, delegations=(lent("cyd", "eve", minutes=-1),))
    assert decide(REQUEST, [], ballot("eve"), over, now=NOW) == Refused(Refusal.NO_SEAT)


def test_lender_and_borrower_of_a_seat_are_one_voice() -> None:
    with_eve = replace(SEATED, delegations=(lent("cyd", "eve"),))
    answer = decide(REQUEST, [vote("eve", "cyd")], ballot("cyd"), with_eve, now=NOW)
    assert answer == Counted("cyd", 1)


def test_who_has_a_seat_and_borrows_one_speaks_once_for_whom_has_not_spoken() -> None:
    bob_too = replace(SEATED, delegations=(lent("cyd", "bob"),))
    answer = decide(REQUEST, [vote("ada")], ballot("bob"), bob_too, now=NOW)
    assert answer == Decided(State.GRANTED, ("ada", "bob"), "cyd")
    alone = decide(REQUEST, [], ballot("bob"), bob_too, now=NOW)
    assert alone == Counted("bob", 1)


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (lent("req", "ada", at=NOW), Refusal.OWN_REQUEST),
        (lent("eve", "ada", at=NOW), Refusal.NO_SEAT),
        (lent("ada", "ada", at=NOW), Flaw.TO_ONESELF),
        (lent("ada", "req", at=NOW), Flaw.TO_REQUESTER),
        (lent("ada", "eve", minutes=0, at=NOW), Flaw.NO_TIME),
        (lent("ada", "eve", minutes=56, at=NOW), Flaw.TOO_LONG),
        (lent("cyd", "eve", at=NOW), Flaw.TWICE),
        (lent("dan", "cyd", at=NOW), Flaw.CHAIN),
        (lent("bob", "eve", at=NOW), Flaw.CHAIN),
        (lent("dan", "eve", at=NOW), None),
    ],
)
def test_a_delegation_is_bounded_and_one_step(wanted: Delegation, reason: object) -> None:
    known = replace(SEATED, delegations=(lent("cyd", "bob"),))
    assert refusal(REQUEST, known, wanted, now=NOW) == reason


def test_nothing_is_delegated_on_what_is_decided_or_over() -> None:
    wanted = lent("ada", "eve", at=NOW)
    granted = replace(REQUEST, status=State.GRANTED)
    assert refusal(granted, SEATED, wanted, now=NOW) == Refusal.DECIDED
    assert refusal(replace(REQUEST, expires_at=NOW), SEATED, wanted, now=NOW) == Refusal.EXPIRED


def test_broken_glass_needs_one_person_and_no_quorum() -> None:
    answer = break_glass(REQUEST, [], ballot("ada"), SEATED, now=NOW)
    assert answer == Decided(State.GRANTED, ("ada",), "ada")


@pytest.mark.parametrize(
    ("asked", "who", "reason"),
    [
        (REQUEST, ballot("req"), Refusal.OWN_REQUEST),
        (REQUEST, ballot("eve"), Refusal.NO_SEAT),
        (REQUEST, replace(ballot("ada"), shown_hash="other"), Refusal.OTHER_HASH),
        (REQUEST, replace(ballot("ada"), if_version=7), Refusal.STALE_VERSION),
        (replace(REQUEST, status=State.REJECTED), ballot("ada"), Refusal.DECIDED),
        (replace(REQUEST, expires_at=NOW), ballot("ada"), Refusal.EXPIRED),
    ],
)
def test_broken_glass_lifts_no_other_rule(asked: Request, who: Ballot, reason: Refusal) -> None:
    assert break_glass(asked, [], who, SEATED, now=NOW) == Refused(reason)


def test_a_review_needs_a_different_person() -> None:
    review = Review("r", "default", "a", "m", Status.OPEN, "ada", "fire", NOW)
    assert review_refusal(review, SEATED, "cyd") is None
    assert review_refusal(review, SEATED, "ADA") is ReviewRefusal.OWN_GLASS
    assert review_refusal(review, SEATED, "req") is ReviewRefusal.OWN_REQUEST
    assert review_refusal(review, SEATED, "eve") is ReviewRefusal.NO_SEAT
    done = replace(review, status=Status.REVIEWED, finding=Finding.JUSTIFIED)
    assert review_refusal(done, SEATED, "cyd") is ReviewRefusal.REVIEWED


def test_reminders_go_up_the_chain_one_step_each() -> None:
    rhythm = Rhythm(timedelta(minutes=15), ("leads", "ops"))
    said = [next_reminder(number, rhythm, now=NOW) for number in range(4)]
    later = NOW + timedelta(minutes=15)
    assert said == [
        Reminder(1, later), Reminder(2, later, "leads"), Reminder(3, later, "ops"), Reminder(4, later),
    ]  # fmt: skip


NAMES = st.sampled_from(["ada", "bob", "cyd", "dan", "eve", "req", "joe"])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(NAMES, NAMES), max_size=3),
    st.sets(NAMES, max_size=2),
    st.lists(st.tuples(NAMES, st.sampled_from(["shown", "forged"])), max_size=10),
)
def test_no_delegation_or_joining_grants_with_fewer_voices_than_needed(
    pairs: list[tuple[str, str]], joined: set[str], ballots: list[tuple[str, str]]
) -> None:
    known = replace(SEATED, requesters=frozenset({"req", *joined}))
    for by, to in pairs:
        wanted = lent(by, to, at=NOW)
        if refusal(REQUEST, known, wanted, now=NOW) is None:
            known = replace(known, delegations=(*known.delegations, wanted))
    votes: list[Vote] = []
    for principal, seen in ballots:
        answer = decide(REQUEST, votes, replace(ballot(principal), shown_hash=seen), known, now=NOW)
        match answer:
            case Counted(seat):
                votes.append(vote(principal, seat))
            case Decided(State.GRANTED, decided_by, seat):
                voices = {GROUPS[each.seat or each.principal] for each in votes} | {GROUPS[seat]}
                assert len(voices) >= REQUEST.quorum
                assert not {*decided_by, *(v.seat for v in votes), seat} & known.requesters
                return
