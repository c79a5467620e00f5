"""Approvals as they happen: the part of the events that whoever decides has to hear."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.events import ANSWER, LastEventId, stream_of
from grace.gateway.api.journal import FOLLOWED
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/approvals", tags=["approvals"])

Reader = Annotated[Caller, needs(Scope.APPROVALS_READ)]
_INT64 = 2**63 - 1
SUBJECTS = frozenset(name for name in FOLLOWED if name.startswith("approval."))


class Place(BaseModel):
    """From where on."""

    model_config = ConfigDict(extra="forbid")

    after: int | None = Field(
        default=None,
        ge=0,
        le=_INT64,
        description="Begin behind this `id`; 0 for all that is kept. `Last-Event-ID` goes before.",
    )


@router.get("/stream", summary="Follow approvals", response_class=Response, responses={200: ANSWER})
async def follow_approvals(
    request: Request,
    caller: Reader,
    place: Annotated[Place, Query()],
    last_event_id: LastEventId = None,
) -> Response:
    """Send what happens to the tenant's approvals, from the question to the decision.

    Asked, voted on, reminded, escalated, delegated, decided. The same stream as `/api/events/stream`, for who holds `approvals:read`: ids, ends and what a
    client does after them are the same.
    """
    after = place.after if last_event_id is None else int(last_event_id)
    return await stream_of(request, caller, after, SUBJECTS, Scope.APPROVALS_READ)
