"""Frees targets whose contract has ended: a hold must not outlive what it was taken for."""

from grace.kit import Runtime
from grace.verification.store import Contracts, Holds


class ReleaseHolds:
    """Finds nothing, unless somebody repaired a contract by hand."""

    async def tick(self, runtime: Runtime) -> bool:
        """Free what was left behind and wake those that wait for it."""
        async with runtime.unit() as unit:
            released = await Holds(unit.tx).release_outlived()
            for target, contract_id in released:
                runtime.log.error("hold.outlived", target=target, contract_id=contract_id)
            await Contracts(unit.tx).nudge_waiting([target for target, _ in released])
        return False
