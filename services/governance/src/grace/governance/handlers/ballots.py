"""People decide: one ballot at a time on a locked request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import assert_never

from grace.contracts.governance import Approval, ApprovalGranted, ApprovalRejected, Decide
from grace.governance.domain.approvals import Request
from grace.governance.domain.electorate import Electorate, person
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
from grace.governance.handlers.constitution import refuse_forbidden
from grace.governance.handlers.grants import granted_message
from grace.governance.handlers.plans import draft_of
from grace.governance.handlers.rulings import Judge
from grace.governance.handlers.views import UnknownApproval, rejected_message, shown, voted_message
from grace.governance.metrics import observe_latency
from grace.governance.settings import Settings
from grace.governance.store import Electorates, Store, tell
from grace.kit import Called, Conflict, Forbidden, GraceError, Invalid, Stale, Unit


class UnknownChoice(Invalid):
    """A choice is approve or reject."""


class OwnRequest(Forbidden):
    """Who asked for a plan may not decide on it; somebody else has to."""


class NoSeat(Forbidden):
    """You are no approver of this tenant: an approver can delegate to you, or you are given a seat."""


class AlreadyDecided(Conflict):
    """This approval is decided already."""


class ApprovalLapsed(Conflict):
    """This approval has expired."""


class VersionMoved(Stale):
    """This approval has changed since it was read; read it again."""


class OtherPlanShown(Conflict):
    """The hash is not that of the plan that is asked for; read it again."""


REFUSALS: Mapping[Refusal, type[GraceError]] = {
    Refusal.OWN_REQUEST: OwnRequest,
    Refusal.NO_SEAT: NoSeat,
    Refusal.DECIDED: AlreadyDecided,
    Refusal.EXPIRED: ApprovalLapsed,
    Refusal.STALE_VERSION: VersionMoved,
    Refusal.OTHER_HASH: OtherPlanShown,
}


COUNTS = "You have approved this before, and that counts once: nothing has changed."
FELL = (
    "Your approval from before fell with its seat and does not count. It is not counted again by itself: give it "
    "once the others have approved, and it completes the quorum."
)


async def on_decide(settings: Settings, judge: Judge, call: Called[Decide], unit: Unit) -> Approval:
    """Count one person's choice and answer where the approval stands now."""
    body, ballot = call.body, _ballot(call.body)
    case = await open_case(unit, body.tenant_id, body.approval_id)
    request = case.request
    vote, note = Vote(ballot.principal, ballot.choice, case.now, body.reason), None
    match decide(request, case.votes, ballot, case.electorate, now=case.now):
        case Refused(reason):
            raise REFUSALS[reason]
        case Repeated(counts):
            note = COUNTS if counts else FELL
        case Counted() as counted:
            await _count(unit, request, vote, counted)
        case Decided(State.GRANTED) as decided:
            await refuse_forbidden(judge, unit, request, actor=body.principal)
            await _grant(settings, unit, request, from_seat(vote, decided.seat), decided)
        case Decided() as decided:
            await _reject(unit, request, from_seat(vote, decided.seat), decided)
        case other:
            assert_never(other)
    found = await shown(unit.tx, body.tenant_id, body.approval_id)
    return found.model_copy(update={"note": note})


@dataclass(frozen=True, slots=True)
class Case:
    """A request that somebody wants to decide on, locked, with all that is known about it."""

    request: Request
    votes: Sequence[Vote]
    electorate: Electorate
    now: datetime


async def open_case(unit: Unit, tenant_id: str, approval_id: str) -> Case:
    """Lock a request and read what decides on it. UnknownApproval where there is none."""
    store = Store(unit.tx)
    request = await store.lock_request(tenant_id, approval_id)
    if request is None:
        raise UnknownApproval
    votes = (await store.list_votes([approval_id]))[approval_id]
    return Case(request, votes, await Electorates(unit.tx).of(request), await unit.now())


def from_seat(vote: Vote, seat: str) -> Vote:
    """The vote as it is kept: one's own seat needs no name."""
    return vote if seat == person(vote.principal) else replace(vote, seat=seat)


def _ballot(body: Decide) -> Ballot:
    if body.choice not in {*Choice}:
        raise UnknownChoice
    return Ballot(
        principal=body.principal,
        choice=Choice(body.choice),
        shown_hash=body.shown_hash,
        if_version=body.if_version,
    )


async def _count(unit: Unit, request: Request, vote: Vote, counted: Counted) -> None:
    store = Store(unit.tx)
    await store.insert_vote(request.approval_id, from_seat(vote, counted.seat))
    if not await store.count_vote(request):
        raise AlreadyDecided
    message = voted_message(request, vote, counted)
    await tell(unit, message, tenant=request.tenant_id, correlation_id=request.correlation_id)


async def _grant(
    settings: Settings, unit: Unit, request: Request, vote: Vote, decided: Decided
) -> None:
    store = Store(unit.tx)
    contracts = await store.list_contracts(request.approval_id)
    message = granted_message(
        request,
        [draft_of(contract) for contract in contracts],
        decided_by=decided.decided_by,
        at=vote.at,
        lifetimes=settings.lifetimes,
        keys=unit.runtime.keys,
    )
    await _close(store, request, vote, decided, granted=message.to_bytes().decode())
    await announce(unit, request, decided, message, at=vote.at)


async def _reject(unit: Unit, request: Request, vote: Vote, decided: Decided) -> None:
    await _close(Store(unit.tx), request, vote, decided, granted=None)
    message = rejected_message(request, decided.decided_by, vote.reason)
    await announce(unit, request, decided, message, at=vote.at)


async def _close(
    store: Store, request: Request, vote: Vote, decided: Decided, *, granted: str | None
) -> None:
    await store.insert_vote(request.approval_id, vote)
    closed = await store.close_request(
        request, decided, at=vote.at, reason=vote.reason, granted=granted
    )
    if not closed:
        raise AlreadyDecided


async def announce(
    unit: Unit,
    request: Request,
    decided: Decided,
    message: ApprovalGranted | ApprovalRejected,
    *,
    at: datetime,
) -> None:
    """Tell of a decision, and measure how long people took."""
    await tell(unit, message, tenant=request.tenant_id, correlation_id=request.correlation_id)
    waited = at - request.requested_at
    unit.after_commit(
        partial(observe_latency, tier=request.tier, outcome=decided.status, waited=waited)
    )
