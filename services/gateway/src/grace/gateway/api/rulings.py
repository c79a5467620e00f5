"""Rulings: what the policies made of each plan, and why."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from grace.contracts.governance import GetRuling, ListRulings, Ruling
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/governance/decisions", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]


class RulingsPage(Page):
    """Which decisions."""

    outcome: Literal["granted", "asked", "refused"] | None = Field(
        default=None, description="Only plans that ended so.", examples=["asked"]
    )


@router.get("", summary="List decisions of the policies, newest first")
async def list_rulings(
    caller: Reader, page: Annotated[RulingsPage, Query()]
) -> Envelope[tuple[Ruling, ...]]:
    """Return a page of what the policies made of the tenant's plans, without the facts."""
    question = ListRulings(
        tenant_id=caller.tenant,
        limit=page.limit,
        outcome=page.outcome,
        before=id_before("decisions", page.cursor),
    )
    found = (await caller.ask(question)).rulings
    cursor = cursor_after("decisions", [each.approval_id for each in found], page.limit)
    return caller.answer(found, next_cursor=cursor)


@router.get("/{approval_id}", summary="Read why a plan was granted, asked for or refused")
async def read_ruling(approval_id: Id, caller: Reader) -> Envelope[Ruling]:
    """Return which policies decided on a plan, and everything that they knew of it."""
    question = GetRuling(tenant_id=caller.tenant, approval_id=approval_id)
    return caller.answer(await caller.ask(question))
