"""Others look at one contract: its promise, and everything that was measured for it."""

from grace.contracts.verification import ContractDetail, GetContract
from grace.kit import Called, NotFound, Runtime
from grace.verification.handlers.queries import read_mission
from grace.verification.store.takes.views import ContractViews


class UnknownContract(NotFound):
    """There is no such contract."""


async def on_get_contract(call: Called[GetContract], runtime: Runtime) -> ContractDetail:
    """Answer with one contract, its takes and the late looks at it."""
    tenant_id, contract_id = call.body.tenant_id, call.body.contract_id
    async with runtime.reading() as tx:
        views = ContractViews(tx)
        mission_id = await views.mission_of(tenant_id, contract_id)
        mission = await read_mission(tx, tenant_id, mission_id) if mission_id else None
        if mission is None:
            raise UnknownContract
        (contract,) = [each for each in mission.contracts if each.contract_id == contract_id]
        return ContractDetail(
            mission_id=mission.mission_id,
            contract=contract,
            takes=await views.takes(contract_id),
            watches=await views.watches(contract_id),
        )
