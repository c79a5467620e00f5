"""One person grants alone, in an emergency: at once, loudly, and with a review to come."""

from functools import partial

from grace.contracts.governance import Approval, BreakGlass, GlassBroken
from grace.governance.domain.quorum import Ballot, Choice, Decided, Refused, Vote, break_glass
from grace.governance.domain.reviews import Review, Status
from grace.governance.handlers.ballots import (
    REFUSALS,
    AlreadyDecided,
    Case,
    announce,
    from_seat,
    open_case,
)
from grace.governance.handlers.constitution import refuse_forbidden
from grace.governance.handlers.delegations import NoReason
from grace.governance.handlers.grants import granted_message
from grace.governance.handlers.plans import draft_of
from grace.governance.handlers.rulings import Judge
from grace.governance.handlers.views import shown
from grace.governance.metrics import count_broken_glass
from grace.governance.settings import Settings
from grace.governance.store import Reviews, Store, tell
from grace.kit import Called, Unit, new_id


async def on_break_glass(
    settings: Settings, judge: Judge, call: Called[BreakGlass], unit: Unit
) -> Approval:
    """Grant what was shown by one person's word, and open the review of it."""
    body = call.body
    if not body.reason.strip():
        raise NoReason
    case = await open_case(unit, body.tenant_id, body.approval_id)
    ballot = Ballot(body.principal, Choice.APPROVE, body.shown_hash, body.if_version)
    match break_glass(case.request, case.votes, ballot, case.electorate, now=case.now):
        case Refused(reason):
            raise REFUSALS[reason]
        case Decided() as decided:
            who = body.principal
            await refuse_forbidden(judge, unit, case.request, actor=who, break_glass=True)
            await _grant(settings, unit, case, body, decided)
            await _open_review(settings, unit, case, body)
    return await shown(unit.tx, body.tenant_id, body.approval_id)


async def _grant(
    settings: Settings, unit: Unit, case: Case, body: BreakGlass, decided: Decided
) -> None:
    store, request = Store(unit.tx), case.request
    contracts = await store.list_contracts(request.approval_id)
    message = granted_message(
        request,
        [draft_of(contract) for contract in contracts],
        decided_by=decided.decided_by,
        at=case.now,
        lifetimes=settings.lifetimes,
        keys=unit.runtime.keys,
        break_glass=True,
    )
    vote = Vote(body.principal, Choice.APPROVE, case.now, body.reason)
    await store.insert_vote(request.approval_id, from_seat(vote, decided.seat))
    granted = message.to_bytes().decode()
    if not await Reviews(unit.tx).break_request(
        request, decided, at=case.now, reason=body.reason, granted=granted
    ):
        raise AlreadyDecided
    await announce(unit, request, decided, message, at=case.now)


async def _open_review(settings: Settings, unit: Unit, case: Case, body: BreakGlass) -> None:
    request = case.request
    review = Review(
        review_id=f"review-{new_id()}",
        tenant_id=request.tenant_id,
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        status=Status.OPEN,
        broken_by=body.principal,
        reason=body.reason,
        broken_at=case.now,
    )
    await Reviews(unit.tx).open(review, remind_at=case.now + settings.review_interval)
    told = GlassBroken(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        review_id=review.review_id,
        tier=request.tier,
        actor=body.principal,
        reason=body.reason,
        shown_hash=request.shown_hash,
        broken_at=case.now,
    )
    await tell(unit, told, tenant=request.tenant_id, correlation_id=request.correlation_id)
    unit.after_commit(partial(_shout, unit, review))


def _shout(unit: Unit, review: Review) -> None:
    count_broken_glass()
    unit.runtime.log.warning(
        "glass.broken",
        approval_id=review.approval_id,
        review_id=review.review_id,
        broken_by=review.broken_by,
    )
