"""The moments of a contract at which a test may let verification die."""

from typing import Final

from grace.verification.domain.decision import (
    Attend,
    Close,
    Decision,
    LookAgain,
    Measure,
    MeasureAgain,
    Submit,
    TakeHold,
    Undo,
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
    Attend: "attention",
    Wait: "wait",
    Submit: "wait",
}

MOMENTS: Final = (
    # Everything is written and nothing committed; it is committed.
    *(f"{name}.{when}" for name in dict.fromkeys(_NAMES.values()) for when in ("before", "after")),
    # htm is not asked yet; it has the task, and nobody noted that; it is noted.
    *(f"submit_{step}.{when}" for step in Step for when in ("before", "taken", "after")),
)


def name_of(decision: Decision) -> str:
    """Return the name that the moments of a decision begin with."""
    return _NAMES[type(decision)]
