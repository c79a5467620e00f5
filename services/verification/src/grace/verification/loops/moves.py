"""What is to become of contracts: decisions to obey, tasks of htm's to note; all in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from grace.kit import Unit
from grace.verification.domain.decision import (
    Attend,
    Close,
    Decision,
    Measure,
    Prove,
    RetryRevert,
    Submit,
    TakeHold,
    Wait,
)
from grace.verification.domain.patience import patience
from grace.verification.domain.task import Step
from grace.verification.loops.crash import Moments, moments_of, moments_of_submit
from grace.verification.loops.ends import close_all
from grace.verification.loops.forward import begin_measuring, note_submitted, take_targets
from grace.verification.loops.queue import Taken
from grace.verification.loops.steps import Steps
from grace.verification.settings import Settings
from grace.verification.store import Batch, Case, Missions

# What ends a contract or lets one begin looks at its siblings: one of a mission at a time.
_LOCKING = (TakeHold, Close, Prove, RetryRevert, Attend)


@dataclass(frozen=True, slots=True)
class Obey:
    """Do what was decided about a contract. `taken`: htm has the measurement that it wants."""

    case: Case
    decision: Decision
    taken: Taken | None = None

    @property
    def moments(self) -> Moments:
        """Where a test may let it die."""
        own = moments_of(self.decision)
        return own if self.taken is None else own + moments_of_submit(Step.MEASURE)


@dataclass(frozen=True, slots=True)
class Note:
    """Note that htm has a contract's task."""

    case: Case
    taken: Taken

    @property
    def moments(self) -> Moments:
        """Where a test may let it die."""
        return moments_of_submit(self.case.facts.step)


Move: TypeAlias = Obey | Note


@dataclass(frozen=True, slots=True)
class Carried:
    """What follows at once: contracts that want a task of htm's, and whether others are due now."""

    wanting: Sequence[Case] = ()
    nudged: bool = False


async def carry_out(unit: Unit, moves: Sequence[Move], settings: Settings) -> Carried:
    """Write it all: the missions are locked first, and each change guards itself."""
    obeyed = [move for move in moves if isinstance(move, Obey)]
    locked = {m.case.contract.mission_id for m in obeyed if isinstance(m.decision, _LOCKING)}
    if locked:
        await Missions(unit.tx).lock(locked)
    resting = [m for m in obeyed if isinstance(m.decision, Wait | Submit)]
    if resting:
        await Batch(unit.tx).rest([(m.case, _pause(m, settings)) for m in resting])
    noted = [(move.case, move.taken) for move in moves if isinstance(move, Note)]
    await note_submitted(unit, noted, settings)
    holding = [(m.case, m.decision) for m in obeyed if isinstance(m.decision, TakeHold)]
    acting = await take_targets(unit, holding, settings)
    acted = [(m.case, m.decision, m.taken) for m in obeyed if isinstance(m.decision, Measure)]
    measured = await begin_measuring(unit, acted, settings)
    closing = [(m.case, m.decision) for m in obeyed if isinstance(m.decision, Close)]
    nudged = await close_all(unit, closing, watch_after=settings.watch_after)
    rare = await _one_after_the_other(unit, obeyed, settings)
    return Carried([*acting, *measured, *rare.wanting], nudged or rare.nudged)


def _pause(move: Obey, settings: Settings) -> timedelta:
    """Whoever has a task waits for word of it; all others look again soon."""
    case, shortest = move.case, settings.poll_interval
    if isinstance(move.decision, Submit) or not case.facts.submitted:
        return shortest
    return patience(case.facts.step_since, now=case.seen_at, shortest=shortest)


async def _one_after_the_other(unit: Unit, obeyed: Sequence[Obey], settings: Settings) -> Carried:
    wanting, nudged = [], False
    for move in obeyed:
        match move.decision:
            case Wait() | Submit() | TakeHold() | Measure() | Close():
                continue
            case decision:
                moved = await Steps(unit, move.case, settings).obey(decision)
                nudged = nudged or isinstance(decision, Prove)
                wanting += [moved] if moved else []
    return Carried(wanting, nudged)
