"""Writes the takes of a contract's measures down, to be made when they fall due."""

from grace.kit import Unit
from grace.verification.domain.task import take_task
from grace.verification.settings import Settings
from grace.verification.store import Case
from grace.verification.store.orders import contract_order
from grace.verification.store.takes import Takes
from grace.verification.store.takes.takes import Ordered, is_own


async def schedule_takes(unit: Unit, case: Case, settings: Settings) -> None:
    """Let the takes of a contract that is measured from now on fall due; none is made twice."""
    contract = case.contract
    ordered = []
    for measure in contract.action.measures:
        for number in range(1, measure.count + 1):
            wanted = take_task(contract, measure, number)
            spec = None if is_own(measure) else contract_order(settings, wanted, case).to_bytes()
            ordered.append(Ordered(wanted.key, measure, number, spec))
    if ordered:
        within = settings.measure_within
        await Takes(unit.tx).insert(contract, ordered, look=0, within=within)
