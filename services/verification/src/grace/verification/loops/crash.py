"""The moments of a contract at which a test may let verification die."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from grace.kit import Runtime
from grace.verification.domain.decision import (
    Attend,
    Close,
    Compare,
    Decision,
    LookAgain,
    Measure,
    MeasureAgain,
    Prove,
    RetryRevert,
    Submit,
    TakeHold,
    Undo,
    UndoWithPlan,
    Wait,
)
from grace.verification.domain.task import Step

_NAMES: Final[dict[type, str]] = {
    TakeHold: "hold",
    Measure: "measure",
    Undo: "undo",
    LookAgain: "look_again",
    MeasureAgain: "measure_again",
    Close: "verdict",
    Prove: "prove",
    UndoWithPlan: "undo_with_plan",
    Compare: "compare",
    Attend: "attention",
    RetryRevert: "retry_revert",
    Wait: "wait",
    Submit: "wait",
}

MOMENTS: Final = (
    # Everything is written and nothing committed; it is committed.
    *(f"{name}.{when}" for name in dict.fromkeys(_NAMES.values()) for when in ("before", "after")),
    # htm is not asked yet; it has the task, and nobody noted that; it is noted.
    *(f"submit_{step}.{when}" for step in Step for when in ("before", "taken", "after")),
)


@dataclass(frozen=True, slots=True)
class Moments:
    """Before the transaction, in it when everything is written, and after it."""

    first: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    committed: tuple[str, ...] = ()

    def __add__(self, other: "Moments") -> "Moments":
        """Those of two things that one transaction does."""
        return Moments(
            self.first + other.first,
            self.written + other.written,
            self.committed + other.committed,
        )


def pass_all(runtime: Runtime, moments: Iterable[str]) -> None:
    """Come by moments, one after the other."""
    for moment in moments:
        runtime.crash_point(moment)


def moments_of(decision: Decision) -> Moments:
    """Return the moments of a decision that is carried out."""
    name = _NAMES[type(decision)]
    return Moments(written=(f"{name}.before",), committed=(f"{name}.after",))


def moments_of_submit(step: Step | None) -> Moments:
    """Return the moments of noting that htm has the task of a step."""
    return Moments(first=(f"submit_{step}.taken",), committed=(f"submit_{step}.after",))
