"""What is to become of one contract: a decision to obey, or a task of htm's to note."""

from dataclasses import dataclass
from typing import TypeAlias

from grace.verification.domain.decision import Decision, Wait
from grace.verification.loops.crash import Moments, moments_of, moments_of_submit
from grace.verification.loops.queue import Taken
from grace.verification.loops.steps import Steps
from grace.verification.store import Case


@dataclass(frozen=True, slots=True)
class Obey:
    """Do what was decided about a contract."""

    case: Case
    decision: Decision

    @property
    def is_step(self) -> bool:
        """Whether it takes the contract any further."""
        return not isinstance(self.decision, Wait)

    @property
    def moments(self) -> Moments:
        """Where a test may let it die."""
        return moments_of(self.decision)

    async def carry_out(self, steps: Steps) -> None:
        """Write it, inside the transaction of `steps`."""
        await steps.obey(self.decision)


@dataclass(frozen=True, slots=True)
class Note:
    """Note that htm has a contract's task."""

    case: Case
    taken: Taken
    is_step = True

    @property
    def moments(self) -> Moments:
        """Where a test may let it die."""
        return moments_of_submit(self.case.facts.step)

    async def carry_out(self, steps: Steps) -> None:
        """Write it, inside the transaction of `steps`."""
        await steps.submitted(self.taken)


Move: TypeAlias = Obey | Note
