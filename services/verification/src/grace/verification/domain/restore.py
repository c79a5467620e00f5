"""Whether a revert brought the world back: by what was measured, never by what the revert says."""

from collections.abc import Mapping
from dataclasses import dataclass

from grace.verification.domain.contract import AGAINST_BASELINE, Contract
from grace.verification.domain.state import State, as_large, canonical, large_in, read_state
from grace.verification.domain.verdict import Check, Judgement, Reading, Truth, judge


@dataclass(frozen=True, slots=True)
class Restoration:
    """What was found after a revert."""

    state: State
    state_equal: bool
    judgement: Judgement

    @property
    def restored(self) -> bool:
        """Whether the raw state is what it was and every expected field with a baseline is near it.

        The measures of the plan are not taken again: they were to say that the action helps.
        """
        return self.state_equal and self.judgement.measured and not self.missed

    @property
    def missed(self) -> tuple[Check, ...]:
        """The fields that are not back, or of which nobody knows."""
        return tuple(found for found in self.judgement.checks if found.truth is not Truth.HOLDS)

    @property
    def fields(self) -> tuple[str, ...]:
        """What was held against its baseline."""
        return tuple(dict.fromkeys(found.expectation.field for found in self.judgement.checks))


def judge_restored(
    contract: Contract, *, before: str, observed: State, reading: Reading
) -> Restoration:
    """Hold the world after a revert against the world before the action.

    `before` is the canonical text of the state that the action found. Only expectations with a
    baseline say how near is near; the others describe what the action was to reach.
    """
    tolerances = [
        each for each in contract.action.expectations if each.comparison in AGAINST_BASELINE
    ]
    return Restoration(
        state=observed,
        state_equal=is_equal(before, observed),
        judgement=judge(tolerances, reading, contract.baseline_values),
    )


def is_equal(before: str, observed: State) -> bool:
    """Whether an observed state is, raw, the one whose canonical text is given.

    A long state is told by the hash of its text, on either side.
    """
    return canonical(observed) == before or _is_same_large(read_state(before) or {}, observed)


def _is_same_large(before: State, observed: State) -> bool:
    was = large_in(before)
    return was is not None and was == (large_in(observed) or as_large(observed))


def explain_restored(found: Restoration) -> str:
    """Return one line on what is back and what is not."""
    if not found.state_equal:
        return "the state after the revert is not the state before the action"
    if not found.judgement.measured:
        return "the state is back; the target could not be measured after the revert"
    if found.missed:
        fields = _sentences({each.expectation.field: each.why for each in found.missed})
        return f"the state is back, but not the target: {fields}"
    if not found.judgement.checks:
        return (
            "the state is back; nothing that was promised says by a baseline whether the target is"
        )
    fields = ", ".join(found.fields)
    return f"the state is back, and {fields} as before the incident"


def _sentences(whys: Mapping[str, str]) -> str:
    return "; ".join(f"{field}: {why}" for field, why in whys.items())
