"""The brake: automation of a tenant stops itself where its effects do not hold, and people let it go."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import Brake, GetBrake, TurnBrake
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/governance/brake", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]
Writer = Annotated[Caller, needs(Scope.GOVERNANCE_WRITE)]


class BrakeOrder(BaseModel):
    """How the brake shall stand."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"is_on": False, "reason": "The measurement is mended."}},
    )

    is_on: bool = Field(description="On: nothing of this tenant runs without people any more.")
    reason: str = Field(
        min_length=1, max_length=1000, pattern=r"\S", description="Why; kept for good."
    )


@router.get("", summary="Read the brake")
async def read_brake(caller: Reader) -> Envelope[Brake]:
    """Return how the caller's tenant's brake stands, what counts against it, and its last turns."""
    return caller.answer(await caller.ask(GetBrake(tenant_id=caller.tenant)))


@router.post("", summary="Pull the brake or let it go")
async def turn_brake(order: BrakeOrder, caller: Writer) -> Envelope[Brake]:
    """Let nothing of this tenant run without people, or let it again. As it stands already: no change.

    Let go, what failed before no longer counts. What people approved, and what was granted before,
    goes on; the kill switch stops that.
    """
    wanted = TurnBrake(
        tenant_id=caller.tenant,
        is_on=order.is_on,
        principal=caller.key.principal,
        reason=order.reason,
    )
    return caller.answer(await caller.ask(wanted))
