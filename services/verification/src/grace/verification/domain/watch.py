"""A late look at what was verified: whether it still holds, minutes after everybody went home."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final

from grace.verification.domain.contract import Contract, Measure
from grace.verification.domain.evidence import actual_state
from grace.verification.domain.findings import Verdict, confidence, verdict
from grace.verification.domain.state import Json
from grace.verification.domain.tally import Take, tally
from grace.verification.domain.tally import explain as explain_tally
from grace.verification.domain.verdict import explain, judge

PRIMARY: Final = "(measurement)"
"""The contract's own measurement among the takes of a look; no measure can have this name."""


class Found(StrEnum):
    """What a late look found."""

    QUIET = "quiet"  # everything still holds
    RETURNED = "returned"  # measured, and it does not hold any more
    UNKNOWN = "unknown"  # not measured: nothing is claimed, and nothing is taken back


@dataclass(frozen=True, slots=True)
class Look:
    """What a late look found, and how sure that is."""

    found: Found
    confidence: float
    actual: dict[str, Json]
    reason: str


def measures_of_look(contract: Contract) -> tuple[Measure, ...]:
    """Return what a late look measures: the contract's measurement and, as rarely as may be, its plan."""
    action = contract.action
    own = Measure(PRIMARY, action.measurement, action.expectations)
    return (own, *(_rarely(each) for each in action.measures if not each.dry_run))


def late_look(contract: Contract, takes: Sequence[Take]) -> Look | None:
    """Return what the takes of a look found, or None while one may still come."""
    own, *plan = measures_of_look(contract)
    primary = next((take for take in takes if take.measure == own.name), None)
    if primary is None or primary.reading is None:
        return None
    judgement = judge(own.expectations, primary.reading, contract.baseline_values)
    tallies = tuple(
        tally(
            each,
            [take for take in takes if take.measure == each.name],
            contract.baselines.get(each.name),
        )
        for each in plan
    )
    said = verdict(judgement, tallies, executed=True)
    if said is None:
        return None
    return Look(
        found=_FOUND[said],
        confidence=confidence(judgement, tallies, executed=True),
        actual=actual_state(contract, judgement, tallies, executed=True, execution={}),
        reason="; ".join([explain(judgement), *map(explain_tally, tallies)]),
    )


def _rarely(measure: Measure) -> Measure:
    """Return a measure with as few takes as can show drift, which one more than it tolerates does.

    A look is no stricter than the contract: what that never fails by takes no verdict back either.
    """
    return replace(
        measure,
        count=min(measure.count, measure.failures_at_most + 1),
        warmup=timedelta(0),
        inconclusives_at_most=0,
        errors_at_most=0,
        successes_at_least=1,
    )


_FOUND = {
    Verdict.VERIFIED: Found.QUIET,
    Verdict.FAILED: Found.RETURNED,
    Verdict.INCONCLUSIVE: Found.UNKNOWN,
}
