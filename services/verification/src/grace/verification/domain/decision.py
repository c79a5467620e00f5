"""What can be decided about a contract: one frozen shape per next step."""

from dataclasses import dataclass
from typing import TypeAlias

from grace.verification.domain.conflict import Difference
from grace.verification.domain.lifecycle import Event
from grace.verification.domain.state import Json, State
from grace.verification.domain.tally import Tally
from grace.verification.domain.task import Applied, Wanted
from grace.verification.domain.verdict import Judgement


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known when an action was judged."""

    executed: bool
    confidence: float
    actual: dict[str, Json]
    reason: str
    judgement: Judgement
    tallies: tuple[Tally, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do yet."""


@dataclass(frozen=True, slots=True)
class TakeHold:
    """Take the target, or wait for who holds it."""

    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand the wanted task to htm; once more is the same task."""


@dataclass(frozen=True, slots=True)
class Measure:
    """The action is done: store what it found before, and measure the target."""

    applied: Applied
    wanted: Wanted
    event: Event = Event.MEASURE


@dataclass(frozen=True, slots=True)
class Undo:
    """Put the world back. `before` is new where the snapshot is not stored yet."""

    findings: Findings
    wanted: Wanted
    before: str | None = None
    event: Event = Event.REVERT


@dataclass(frozen=True, slots=True)
class Compare:
    """The revert was refused: look at what somebody else has changed."""

    refusal: str
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class RetryRevert:
    """A person wants the revert once more."""

    wanted: Wanted
    reason: str
    event: Event = Event.REVERT


@dataclass(frozen=True, slots=True)
class Prove:
    """It came true; the rest of the plan is still to come true."""

    findings: Findings
    event: Event = Event.PROVE


@dataclass(frozen=True, slots=True)
class UndoWithPlan:
    """It came true, and a later action of the plan did not: put this back, too."""

    wanted: Wanted
    reason: str
    event: Event = Event.REVERT


@dataclass(frozen=True, slots=True)
class LookAgain:
    """The revert is done: observe what it touched."""

    wanted: Wanted
    event: Event = Event.RESTORE


@dataclass(frozen=True, slots=True)
class MeasureAgain:
    """What the revert touched was observed: measure the target too."""

    observed: State
    wanted: Wanted


@dataclass(frozen=True, slots=True)
class Close:
    """The contract has its end. Where `findings` is None, those stored before the revert stand.

    `restored` and `judgement` are what was found after a revert.
    """

    event: Event
    reason: str
    findings: Findings | None = None
    restored: dict[str, Json] | None = None
    judgement: Judgement | None = None


@dataclass(frozen=True, slots=True)
class Attend:
    """Nobody can decide this from here: it rests until an operator does."""

    reason: str
    event: Event = Event.ATTEND
    conflict: tuple[Difference, ...] = ()


Decision: TypeAlias = (
    Wait
    | TakeHold
    | Submit
    | Measure
    | Undo
    | Compare
    | RetryRevert
    | Prove
    | UndoWithPlan
    | LookAgain
    | MeasureAgain
    | Close
    | Attend
)
