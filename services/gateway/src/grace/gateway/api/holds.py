"""Holds: missions whose plan waits, and the person who lets one go on."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.intent import Hold, ListHolds, ReleasedHold, ReleaseHold
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/holds", tags=["intents"])

Reader = Annotated[Caller, needs(Scope.HOLDS_READ)]
Writer = Annotated[Caller, needs(Scope.HOLDS_RELEASE)]


class Release(BaseModel):
    """Why somebody lets a mission go on."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"reason": "The client that held the locks is mended."}},
    )

    reason: str | None = Field(default=None, max_length=1000, description="For the record.")


@router.get("", summary="List missions whose plan waits, newest first")
async def list_holds(caller: Reader, page: Annotated[Page, Query()]) -> Envelope[tuple[Hold, ...]]:
    """Return a page of the tenant's missions that have to wait, each with why and until when."""
    question = ListHolds(
        tenant_id=caller.tenant, limit=page.limit, before=id_before("holds", page.cursor)
    )
    found = (await caller.ask(question)).holds
    ids = [hold.mission_id for hold in found]
    return caller.answer(found, next_cursor=cursor_after("holds", ids, page.limit))


@router.post("/{mission_id}/release", summary="Let a mission go on")
async def release_hold(mission_id: Id, release: Release, caller: Writer) -> Envelope[ReleasedHold]:
    """Let a mission that waits be planned at once; whether it may act, governance still decides.

    Not by who answers for its report (403). 409 where it is not held.
    """
    wanted = ReleaseHold(
        tenant_id=caller.tenant,
        mission_id=mission_id,
        principal=caller.key.principal,
        reason=release.reason,
    )
    return caller.answer(await caller.ask(wanted))
