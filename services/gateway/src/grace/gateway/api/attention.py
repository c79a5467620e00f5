"""The way out of needs_attention: a person decides about a mission, and says why."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.verification import DecideAttention, Mission
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/missions", tags=["missions"])

Decider = Annotated[Caller, needs(Scope.MISSIONS_DECIDE)]


class Choice(BaseModel):
    """What is chosen, and why."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "choice": "retry_revert",
                "reason": "The shop team has set its own timeout back.",
            }
        },
    )

    choice: Literal["accept", "retry_revert", "close"] = Field(
        description="accept: the world may stay as it is, the action has failed. retry_revert: what "
        "stood against the rollback is gone, undo the action now (refused when its permission is over, 7 days after the grant). close: given up, the action was "
        "not undone."
    )
    reason: str = Field(min_length=1, max_length=1000, description="For the record; needed.")


@router.post("/{mission_id}/attention", summary="Decide about a mission that needs attention")
async def decide_attention(mission_id: Id, choice: Choice, caller: Decider) -> Envelope[Mission]:
    """Keep a choice, with who and why, and let the mission go on or end; none of it is a success.

    `conflict` in a contract of the mission shows what somebody else has changed. The same choice
    twice is the same answer; 409 where the mission needs nobody, or somebody else has decided.
    """
    wanted = DecideAttention(
        tenant_id=caller.tenant,
        mission_id=mission_id,
        choice=choice.choice,
        principal=caller.key.principal,
        reason=choice.reason,
    )
    return caller.answer(await caller.ask(wanted))
