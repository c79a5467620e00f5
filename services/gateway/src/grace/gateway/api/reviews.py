"""Reviews: what is due after one person granted alone."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import CompleteReview, GetReview, ListReviews, Review
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/reviews", tags=["approvals"])

Reader = Annotated[Caller, needs(Scope.APPROVALS_READ)]
Reviewer = Annotated[Caller, needs(Scope.APPROVALS_DECIDE)]


class ReviewsPage(Page):
    """Which reviews."""

    status: Literal["open", "reviewed"] | None = Field(
        default=None, description="Only reviews that stand so."
    )


class Completion(BaseModel):
    """What a second person found."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {"finding": "justified", "note": "Read the timeline with ada."}
        },
    )

    finding: Literal["justified", "unjustified"]
    note: str = Field(min_length=1, max_length=1000, description="Kept for good.")


@router.get("", summary="List reviews, newest first")
async def list_reviews(
    caller: Reader, page: Annotated[ReviewsPage, Query()]
) -> Envelope[tuple[Review, ...]]:
    """Return a page of the tenant's reviews of broken glass."""
    found = await caller.ask(
        ListReviews(
            tenant_id=caller.tenant,
            limit=page.limit,
            status=page.status,
            before=id_before("reviews", page.cursor),
        )
    )
    ids = [review.review_id for review in found.reviews]
    return caller.answer(found.reviews, next_cursor=cursor_after("reviews", ids, page.limit))


@router.get("/{review_id}", summary="Read one review")
async def read_review(review_id: Id, caller: Reader) -> Envelope[Review]:
    """Return a review: who broke the glass, why, and what was found."""
    question = GetReview(tenant_id=caller.tenant, review_id=review_id)
    return caller.answer(await caller.ask(question))


@router.post("/{review_id}/complete", summary="Complete a review")
async def complete_review(
    review_id: Id, completion: Completion, caller: Reviewer
) -> Envelope[Review]:
    """Keep what the caller found. 403 for who broke the glass or asked for the plan, 409 if done."""
    question = CompleteReview(
        tenant_id=caller.tenant,
        review_id=review_id,
        principal=caller.key.principal,
        finding=completion.finding,
        note=completion.note,
    )
    return caller.answer(await caller.ask(question))
