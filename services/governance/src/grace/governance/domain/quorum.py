"""Votes become a decision: k people of different groups, never a requester; one rejection ends it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from grace.governance.domain.approvals import Request
from grace.governance.domain.electorate import Electorate, person
from grace.governance.domain.lifecycle import TRANSITIONS, Event, State


class Choice(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    REJECT = "reject"


class Refusal(StrEnum):
    """Why a ballot is not counted."""

    OWN_REQUEST = "own_request"
    NO_SEAT = "no_seat"
    DECIDED = "decided"
    EXPIRED = "expired"
    STALE_VERSION = "stale_version"
    OTHER_HASH = "other_hash"


@dataclass(frozen=True, slots=True)
class Vote:
    """A ballot that was counted. `seat`: in whose place, where it is not the voter's own."""

    principal: str
    choice: Choice
    at: datetime
    reason: str | None = None
    seat: str | None = None


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a person hands in, and what that person had before their eyes."""

    principal: str
    choice: Choice
    shown_hash: str
    if_version: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The ballot is not counted."""

    reason: Refusal


@dataclass(frozen=True, slots=True)
class Repeated:
    """The same person said the same before: nothing changes. `counts`: that vote stands."""

    counts: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """The vote counts, and more are needed. `seat`: in whose place it was given.

    `approvals`: of how many groups there are some now.
    """

    seat: str
    approvals: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The vote ends the request."""

    status: State
    decided_by: tuple[str, ...]
    seat: str


Decision = Refused | Repeated | Counted | Decided


def decide(
    request: Request,
    votes: Sequence[Vote],
    ballot: Ballot,
    electorate: Electorate,
    *,
    now: datetime,
) -> Decision:
    """What one more ballot does to a request."""
    voter = person(ballot.principal)
    seats = electorate.seats_of(voter, at=now)
    if reason := refusal(request, ballot, electorate, now=now):
        return Refused(reason)
    if ballot.choice is Choice.REJECT:
        return Decided(TRANSITIONS[request.status][Event.REJECT], (voter,), seats[0])
    # Theirs from before, which may have fallen since with its seat, is not one more.
    others = [(who, group) for who, group in standing(votes, electorate) if who != voter]
    groups = {group for _, group in others}
    seat, group = _best(seats, electorate, groups)
    approvals = len({*groups, group})
    if approvals >= request.quorum:
        approvers = dict.fromkeys(who for who, _ in others)
        return Decided(TRANSITIONS[request.status][Event.GRANT], (*approvers, voter), seat)
    has_said = voter in {person(vote.principal) for vote in votes if vote.choice is ballot.choice}
    counts = voter in {who for who, _ in standing(votes, electorate)}
    return Repeated(counts) if has_said else Counted(seat, approvals)


def break_glass(
    request: Request,
    votes: Sequence[Vote],
    ballot: Ballot,
    electorate: Electorate,
    *,
    now: datetime,
) -> Refused | Decided:
    """One person grants alone, without the quorum; every other rule stands."""
    if reason := refusal(request, ballot, electorate, now=now):
        return Refused(reason)
    voter = person(ballot.principal)
    seat = electorate.seats_of(voter, at=now)[0]
    approvers = dict.fromkeys((*(who for who, _ in standing(votes, electorate)), voter))
    return Decided(TRANSITIONS[request.status][Event.GRANT], tuple(approvers), seat)


def refusal(
    request: Request, ballot: Ballot, electorate: Electorate, *, now: datetime
) -> Refusal | None:
    """Why a ballot is not counted, or None where it is."""
    voter = person(ballot.principal)
    if voter in {*electorate.requesters, person(request.requested_by)}:
        return Refusal.OWN_REQUEST
    if not electorate.seats_of(voter, at=now):
        return Refusal.NO_SEAT
    return closed(request, now) or _mismatch(request, ballot)


def closed(request: Request, now: datetime) -> Refusal | None:
    """Why nothing can be decided on a request any more, or None where it can."""
    match request.status:
        case State.PENDING:
            return Refusal.EXPIRED if now >= request.expires_at else None
        case State.EXPIRED:
            return Refusal.EXPIRED
        case State.GRANTED | State.REJECTED:
            return Refusal.DECIDED
        case _:
            assert_never(request.status)


def standing(votes: Sequence[Vote], electorate: Electorate) -> list[tuple[str, str]]:
    """The approvals that still count: who gave each, and for which group.

    A vote falls with its seat: with the removal of an approver, and where one turns out to be a
    requester by an intent of theirs that follows the same mission.
    """
    found = []
    for vote in votes:
        voter = person(vote.principal)
        group = electorate.group_of(vote.seat or voter)
        if vote.choice is Choice.APPROVE and group and voter not in electorate.requesters:
            found.append((voter, group))
    return found


def _best(seats: Sequence[str], electorate: Electorate, groups: Collection[str]) -> tuple[str, str]:
    """The seat to vote from: one whose group has not spoken yet, if there is one."""
    known = [(seat, electorate.group_of(seat) or seat) for seat in seats]
    return next((pair for pair in known if pair[1] not in groups), known[0])


def _mismatch(request: Request, ballot: Ballot) -> Refusal | None:
    if ballot.if_version not in {None, request.version}:
        return Refusal.STALE_VERSION
    return None if ballot.shown_hash == request.shown_hash else Refusal.OTHER_HASH
