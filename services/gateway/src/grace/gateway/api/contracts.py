"""Contracts: what an action promised, and everything that was measured for it."""

from typing import Annotated

from fastapi import APIRouter

from grace.contracts.verification import ContractDetail, GetContract
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/verification/contracts", tags=["missions"])

Reader = Annotated[Caller, needs(Scope.MISSIONS_READ)]


@router.get("/{contract_id}", summary="Read a contract")
async def read_contract(contract_id: Id, caller: Reader) -> Envelope[ContractDetail]:
    """Return a contract with the takes of its plan, and the late looks at it."""
    question = GetContract(tenant_id=caller.tenant, contract_id=contract_id)
    return caller.answer(await caller.ask(question))
