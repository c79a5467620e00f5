"""The kill switch: one order stops every effect of the house, and says who gave it."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, model_validator

from grace.contracts.governance import GetKillSwitch, KillSwitch, TurnKillSwitch
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/governance/kill-switch", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]
Writer = Annotated[Caller, needs(Scope.GOVERNANCE_WRITE)]


class Turn(BaseModel):
    """How the switch shall stand."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {"is_on": True, "hard": False, "reason": "The shop is being moved."}
        },
    )

    is_on: bool = Field(description="On: no apply begins any more, whatever was approved.")
    hard: bool = Field(default=False, description="With it, no revert begins either.")
    reason: str = Field(
        min_length=1, max_length=1000, pattern=r"\S", description="Why; kept for good."
    )

    @model_validator(mode="after")
    def _means_one_thing(self) -> "Turn":
        if self.hard and not self.is_on:
            raise ValueError("hard goes with is_on: true; off lets reverts go on, too")
        return self


@router.get("", summary="Read the kill switch")
async def read_kill_switch(caller: Reader) -> Envelope[KillSwitch]:
    """Return how it stands, who turned it why, and the last orders. 403 for other tenants' keys."""
    return caller.answer(await caller.ask(GetKillSwitch(tenant_id=caller.tenant)))


@router.post("", summary="Turn the kill switch")
async def turn_kill_switch(turn: Turn, caller: Writer) -> Envelope[KillSwitch]:
    """Stop every effect within a second, or let effects go on. As it stands already: no change.

    What waits to be applied meanwhile ends as `blocked` and stays so. Reverts go on unless `hard`.
    """
    wanted = TurnKillSwitch(
        tenant_id=caller.tenant,
        is_on=turn.is_on,
        hard=turn.hard,
        principal=caller.key.principal,
        reason=turn.reason,
    )
    return caller.answer(await caller.ask(wanted))
