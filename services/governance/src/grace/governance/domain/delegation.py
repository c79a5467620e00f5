"""Whether one person may let another decide in their place."""

from datetime import datetime
from enum import StrEnum

from grace.governance.domain.approvals import Request
from grace.governance.domain.electorate import Delegation, Electorate, person
from grace.governance.domain.quorum import Refusal, closed


class Flaw(StrEnum):
    """Why a delegation is refused."""

    TO_ONESELF = "to_oneself"
    TO_REQUESTER = "to_requester"
    NO_TIME = "no_time"
    TOO_LONG = "too_long"
    TWICE = "twice"
    CHAIN = "chain"


def refusal(
    request: Request, electorate: Electorate, wanted: Delegation, *, now: datetime
) -> Refusal | Flaw | None:
    """Why a delegation cannot be, or None where it can.

    Only a seat of one's own is lent, and nobody who has lent theirs is lent another: so there is no
    chain and no circle, and it is always one step from who votes to whose seat it is.
    """
    if wanted.delegated_by in electorate.requesters:
        return Refusal.OWN_REQUEST
    if electorate.group_of(wanted.delegated_by) is None:
        return Refusal.NO_SEAT
    return closed(request, now) or _flaw(request, electorate, wanted, now)


def _flaw(
    request: Request, electorate: Electorate, wanted: Delegation, now: datetime
) -> Flaw | None:
    if wanted.delegated_to == wanted.delegated_by:
        return Flaw.TO_ONESELF
    if wanted.delegated_to in {*electorate.requesters, person(request.requested_by)}:
        return Flaw.TO_REQUESTER
    if wanted.ends_at <= now:
        return Flaw.NO_TIME
    if wanted.ends_at > request.expires_at:
        return Flaw.TOO_LONG
    return _tangle(electorate, wanted, now)


def _tangle(electorate: Electorate, wanted: Delegation, now: datetime) -> Flaw | None:
    valid = [each for each in electorate.delegations if each.is_valid(now)]
    if any(each.delegated_by == wanted.delegated_by for each in valid):
        return Flaw.TWICE
    lenders = {each.delegated_by for each in valid}
    borrowers = {each.delegated_to for each in valid}
    chained = wanted.delegated_to in lenders or wanted.delegated_by in borrowers
    return Flaw.CHAIN if chained else None
