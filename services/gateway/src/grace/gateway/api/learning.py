"""Learning: which playbooks have proven themselves."""

from typing import Annotated

from fastapi import APIRouter

from grace.contracts.learning import GetSummary, Summary
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/learning", tags=["learning"])


@router.get("/summary", summary="Read the record of every playbook")
async def read_summary(
    caller: Annotated[Caller, needs(Scope.LEARNING_READ)],
) -> Envelope[Summary]:
    """Return outcomes, success rates and the confidence in each playbook."""
    return caller.answer(await caller.ask(GetSummary(tenant_id=caller.tenant)))
