"""What others see of verdicts that were taken back."""

from collections.abc import Mapping, Sequence

from grace.contracts.verification import ContractView, Mission
from grace.verification.store.watches.watches import Revision


def revised(mission: Mission, revisions: Mapping[str, Sequence[Revision]]) -> Mission:
    """Return a mission with what later looks took back of it."""
    found = revisions.get(mission.mission_id, ())
    if not found:
        return mission
    newest = {each.contract_id: each for each in found}
    contracts = tuple(_revised(each, newest.get(each.contract_id)) for each in mission.contracts)
    return mission.model_copy(update={"reopened_at": found[-1].revised_at, "contracts": contracts})


def _revised(contract: ContractView, newest: Revision | None) -> ContractView:
    if newest is None:
        return contract
    return contract.model_copy(
        update={
            "revision": newest.revision,
            "revised_verdict": newest.verdict,
            "revised_reason": newest.reason,
        }
    )
