"""Targets that are held: which mission acts on each, and who waits for it in which order."""

from typing import Annotated

from fastapi import APIRouter, Query

from grace.contracts.verification import ListTargetHolds, TargetHold
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/verification", tags=["missions"])

Reader = Annotated[Caller, needs(Scope.MISSIONS_READ)]


@router.get("/holds", summary="List held targets, by name")
async def list_target_holds(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[TargetHold, ...]]:
    """Return a page of the tenant's held targets. Who waits is next in order, until its time is up."""
    question = ListTargetHolds(
        tenant_id=caller.tenant, limit=page.limit, after=id_before("targets", page.cursor)
    )
    found = (await caller.ask(question)).holds
    cursor = cursor_after("targets", [hold.target for hold in found], page.limit)
    return caller.answer(found, next_cursor=cursor)
