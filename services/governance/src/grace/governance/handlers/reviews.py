"""The reviews of broken glass: read by approvers, completed by somebody else."""

from collections.abc import Mapping

from grace.contracts.governance import CompleteReview, GetReview, ListReviews, ReviewCompleted
from grace.contracts.governance import Review as ReviewView
from grace.contracts.governance import Reviews as ReviewsView
from grace.governance.domain.reviews import Finding, Refusal, Review, Status, refusal
from grace.governance.handlers.ballots import NoSeat, OwnRequest
from grace.governance.handlers.delegations import NoReason
from grace.governance.handlers.views import LONGEST_PAGE
from grace.governance.store import Electorates, Reviews, Store, tell
from grace.kit import Called, Conflict, Forbidden, GraceError, Invalid, NotFound, Unit


class UnknownReview(NotFound):
    """No such review."""


class UnknownReviewStatus(Invalid):
    """A review is open or reviewed."""


class UnknownFinding(Invalid):
    """A finding is justified or unjustified."""


class OwnGlass(Forbidden):
    """Who broke the glass does not review it; somebody else has to."""


class AlreadyReviewed(Conflict):
    """This review is completed already."""


_REFUSALS: Mapping[Refusal, type[GraceError]] = {
    Refusal.OWN_GLASS: OwnGlass,
    Refusal.OWN_REQUEST: OwnRequest,
    Refusal.NO_SEAT: NoSeat,
    Refusal.REVIEWED: AlreadyReviewed,
}


async def on_list_reviews(call: Called[ListReviews], unit: Unit) -> ReviewsView:
    """Answer with a page, newest first."""
    body = call.body
    if body.status not in {None, *Status}:
        raise UnknownReviewStatus
    found = await Reviews(unit.tx).page(
        body.tenant_id,
        status=Status(body.status) if body.status else None,
        before=body.before,
        limit=min(body.limit, LONGEST_PAGE),
    )
    return ReviewsView(reviews=tuple(_view(each) for each in found))


async def on_get_review(call: Called[GetReview], unit: Unit) -> ReviewView:
    """Answer with one review."""
    found = await Reviews(unit.tx).find(call.body.tenant_id, call.body.review_id)
    if found is None:
        raise UnknownReview
    return _view(found)


async def on_complete_review(call: Called[CompleteReview], unit: Unit) -> ReviewView:
    """Keep what a second person found."""
    body, reviews = call.body, Reviews(unit.tx)
    if body.finding not in {*Finding}:
        raise UnknownFinding
    if not body.note.strip():
        raise NoReason("Say what you found: the note is kept for good.")
    review = await reviews.lock(body.tenant_id, body.review_id)
    if review is None:
        raise UnknownReview
    request = await Store(unit.tx).find_request(body.tenant_id, review.approval_id)
    if request is None:
        raise UnknownReview
    if reason := refusal(review, await Electorates(unit.tx).of(request), body.principal):
        raise _REFUSALS[reason]
    completed = await reviews.complete(
        review,
        reviewed_by=body.principal,
        at=await unit.now(),
        finding=Finding(body.finding),
        note=body.note,
    )
    if completed is None:
        raise AlreadyReviewed
    told = _completed(completed)
    await tell(unit, told, tenant=body.tenant_id, correlation_id=request.correlation_id)
    return _view(completed)


def _completed(review: Review) -> ReviewCompleted:
    return ReviewCompleted(
        review_id=review.review_id,
        approval_id=review.approval_id,
        mission_id=review.mission_id,
        tenant_id=review.tenant_id,
        actor=review.reviewed_by or "",
        finding=review.finding or "",
        reason=review.note or "",
        reviewed_at=review.reviewed_at or review.broken_at,
    )


def _view(review: Review) -> ReviewView:
    return ReviewView(
        review_id=review.review_id,
        tenant_id=review.tenant_id,
        approval_id=review.approval_id,
        mission_id=review.mission_id,
        status=review.status,
        broken_by=review.broken_by,
        reason=review.reason,
        broken_at=review.broken_at,
        reminders=review.reminders,
        reviewed_by=review.reviewed_by,
        reviewed_at=review.reviewed_at,
        finding=review.finding,
        note=review.note,
    )
