"""What a person does beside a vote: let another decide in their place, or grant alone."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import Approval, BreakGlass, Delegate
from grace.gateway.api.approvals import Approver, IfMatch, tagged, version_in
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id
from grace.gateway.api.instants import Instant
from grace.gateway.domain.access import PERSON_PATTERN, Scope

router = APIRouter(prefix="/api/approvals", tags=["approvals"])

Breaker = Annotated[Caller, needs(Scope.APPROVALS_BREAK_GLASS)]


class Wish(BaseModel):
    """Who shall decide in the caller's place, and until when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "delegated_to": "bob",
                "ends_at": "2026-11-20T12:30:00Z",
                "reason": "I am on a plane.",
            }
        },
    )

    delegated_to: str = Field(
        pattern=PERSON_PATTERN, description="Anybody but the requesters; needs approvals:decide."
    )
    ends_at: Instant = Field(
        description="With a time zone; at the latest when the approval expires."
    )
    reason: str = Field(min_length=1, max_length=1000, description="Shown to all who decide.")


class Emergency(BaseModel):
    """Why one person grants alone, and exactly what."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "shown_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "reason": "Checkout is down and nobody else answers.",
            }
        },
    )

    shown_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="`shown_hash` of the approval.")
    reason: str = Field(min_length=10, max_length=1000, description="Who reviews it reads this.")


@router.post("/{approval_id}/delegate", summary="Let another decide in your place")
async def delegate(
    approval_id: Id, wish: Wish, caller: Approver, response: Response
) -> Envelope[Approval]:
    """Lend the caller's seat for this approval, until a moment.

    403 where either side asked for the plan or the caller has no seat, 409 where it is lent already,
    or would be lent on: it is one step only.
    """
    question = Delegate(
        tenant_id=caller.tenant,
        approval_id=approval_id,
        principal=caller.key.principal,
        delegated_to=wish.delegated_to,
        ends_at=wish.ends_at,
        reason=wish.reason,
    )
    return tagged(caller, await caller.ask(question), response)


@router.post("/{approval_id}/break-glass", summary="Grant alone, in an emergency")
async def break_glass(
    approval_id: Id,
    emergency: Emergency,
    caller: Breaker,
    response: Response,
    if_match: IfMatch = None,
) -> Envelope[Approval]:
    """Grant what was shown by one person's word. It is told to everybody and opens a review.

    The review stays open until somebody else completes it (`/api/reviews`). 403 for who asked for the
    plan and for who has no seat; 409 where it is decided or expired.
    """
    question = BreakGlass(
        tenant_id=caller.tenant,
        approval_id=approval_id,
        principal=caller.key.principal,
        shown_hash=emergency.shown_hash,
        if_version=version_in(if_match),
        reason=emergency.reason,
    )
    return tagged(caller, await caller.ask(question), response)
