"""Writes the takes of a contract's measures down, to be made when they fall due."""

from collections.abc import Sequence

from grace.kit import Unit
from grace.verification.domain.contract import Measure
from grace.verification.domain.task import observe_task
from grace.verification.settings import Settings
from grace.verification.store import Case
from grace.verification.store.orders import contract_order
from grace.verification.store.takes import Takes
from grace.verification.store.takes.takes import Ordered, is_own


async def schedule_takes(unit: Unit, case: Case, settings: Settings) -> None:
    """Let the takes of a contract that is measured from now on fall due; none is made twice."""
    await schedule_look(unit, case, case.contract.action.measures, look=0, settings=settings)


async def schedule_look(
    unit: Unit, case: Case, measures: Sequence[Measure], *, look: int, settings: Settings
) -> None:
    """Let the takes of one look at a contract fall due; look 0 is for its verdict."""
    ordered = [
        _ordered(case, measure, number, f"{look}:{place}:{number}", settings)
        for place, measure in enumerate(measures)
        for number in range(1, measure.count + 1)
    ]
    if ordered:
        within = settings.measure_within
        await Takes(unit.tx).insert(case.contract, ordered, look=look, within=within)


def _ordered(case: Case, measure: Measure, number: int, name: str, settings: Settings) -> Ordered:
    """Return one take; its name is the key of its task, so that it is one task for ever."""
    wanted = observe_task(f"{case.contract_id}:take:{name}", measure.measurement)
    spec = None if is_own(measure) else contract_order(settings, wanted, case).to_bytes()
    return Ordered(wanted.key, measure, number, spec)
