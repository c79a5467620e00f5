"""Votes become a decision: k different people, never the requester, one rejection ends it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from grace.governance.domain.approvals import Request
from grace.governance.domain.lifecycle import TRANSITIONS, Event, State


class Choice(StrEnum):
    """What a person says."""

    APPROVE = "approve"
    REJECT = "reject"


class Refusal(StrEnum):
    """Why a ballot is not counted."""

    OWN_REQUEST = "own_request"
    DECIDED = "decided"
    EXPIRED = "expired"
    STALE_VERSION = "stale_version"
    OTHER_HASH = "other_hash"


@dataclass(frozen=True, slots=True)
class Vote:
    """A ballot that was counted."""

    principal: str
    choice: Choice
    at: datetime
    reason: str | None = None


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
    """The same person said the same before: nothing changes."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The vote counts, and more are needed."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The vote ends the request."""

    status: State
    decided_by: tuple[str, ...]


Decision = Refused | Repeated | Counted | Decided


def decide(request: Request, votes: Sequence[Vote], ballot: Ballot, *, now: datetime) -> Decision:
    """What one more ballot does to a request."""
    if reason := _refusal(request, ballot, now):
        return Refused(reason)
    voter = _person(ballot.principal)
    if (voter, ballot.choice) in {(_person(vote.principal), vote.choice) for vote in votes}:
        return Repeated()
    if ballot.choice is Choice.REJECT:
        return Decided(TRANSITIONS[request.status][Event.REJECT], (voter,))
    approvers = _approvers(votes)
    if len(approvers) + 1 < request.quorum:
        return Counted()
    return Decided(TRANSITIONS[request.status][Event.GRANT], (*approvers, voter))


def _refusal(request: Request, ballot: Ballot, now: datetime) -> Refusal | None:
    if _person(ballot.principal) == _person(request.requested_by):
        return Refusal.OWN_REQUEST
    return _closed(request, now) or _mismatch(request, ballot)


def _closed(request: Request, now: datetime) -> Refusal | None:
    match request.status:
        case State.PENDING:
            return Refusal.EXPIRED if now >= request.expires_at else None
        case State.EXPIRED:
            return Refusal.EXPIRED
        case State.GRANTED | State.REJECTED:
            return Refusal.DECIDED
        case _:
            assert_never(request.status)


def _mismatch(request: Request, ballot: Ballot) -> Refusal | None:
    if ballot.if_version not in {None, request.version}:
        return Refusal.STALE_VERSION
    return None if ballot.shown_hash == request.shown_hash else Refusal.OTHER_HASH


def _approvers(votes: Sequence[Vote]) -> tuple[str, ...]:
    """Who approved so far, each person once."""
    return tuple(dict.fromkeys(_person(v.principal) for v in votes if v.choice is Choice.APPROVE))


def _person(principal: str) -> str:
    """Capital letters do not make another person."""
    return principal.lower()
