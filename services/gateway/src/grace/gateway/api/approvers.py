"""Approvers: who may decide, and for which group they speak."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import Approver, ListApprovers, RemoveApprover, SeatApprover
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Page, cursor_after, id_before
from grace.gateway.domain.access import PERSON_PATTERN, Scope

router = APIRouter(prefix="/api/approvers", tags=["approvals"])

Reader = Annotated[Caller, needs(Scope.APPROVALS_READ)]
Writer = Annotated[Caller, needs(Scope.APPROVERS_WRITE)]
Person = Annotated[str, Path(pattern=PERSON_PATTERN, description="Whose seat it is.")]


class Seat(BaseModel):
    """Which group a person speaks for."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"group": "dba"}}
    )

    group: str = Field(
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="Approvals that need several people need them from different groups.",
    )


@router.get("", summary="List approvers by name")
async def list_approvers(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[Approver, ...]]:
    """Return a page of those who have or had a seat in the tenant.

    Where nobody ever had one, everybody with `approvals:decide` decides, as a group of their own.
    """
    found = await caller.ask(
        ListApprovers(
            tenant_id=caller.tenant, limit=page.limit, after=id_before("approvers", page.cursor)
        )
    )
    names = [each.principal for each in found.approvers]
    cursor = cursor_after("approvers", names, page.limit)
    return caller.answer(found.approvers, next_cursor=cursor)


@router.put("/{principal}", summary="Give a person a seat")
async def seat_approver(principal: Person, seat: Seat, caller: Writer) -> Envelope[Approver]:
    """Let a person decide for a group. 403 for one's own seat.

    The first seat of a tenant ends the time in which everybody with `approvals:decide` decides.
    """
    question = SeatApprover(
        tenant_id=caller.tenant,
        principal=principal,
        group=seat.group,
        actor=caller.key.principal,
    )
    return caller.answer(await caller.ask(question))


@router.delete("/{principal}", summary="Take a person's seat away")
async def remove_approver(principal: Person, caller: Writer) -> Envelope[Approver]:
    """Let a person decide no more; their votes on what is pending fall. 403 for one's own seat."""
    question = RemoveApprover(
        tenant_id=caller.tenant, principal=principal, actor=caller.key.principal
    )
    return caller.answer(await caller.ask(question))
