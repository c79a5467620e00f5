"""What is known about one contract when its next step is decided."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.verification.domain.choice import Chosen
from grace.verification.domain.contract import Contract
from grace.verification.domain.lifecycle import Status
from grace.verification.domain.saga import Turn
from grace.verification.domain.state import State, digest
from grace.verification.domain.tally import Take
from grace.verification.domain.task import Step


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The before-state of an effect, as stored: canonical texts, and the hash of `before`."""

    content_hash: str
    before: str
    after: str | None

    @property
    def intact(self) -> bool:
        """Whether the stored state is the one that was hashed."""
        return digest(self.before) == self.content_hash

    @property
    def whole(self) -> bool:
        """Whether a revert may go by it: what the action left is empty where it does not open."""
        return self.intact and self.after != ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known about one contract. `execution` is the kernel's own result of the apply."""

    contract: Contract
    status: Status
    turn: Turn
    step: Step | None
    step_since: datetime
    submitted: bool
    permitted_to_revert: bool
    snapshot: Snapshot | None
    execution: State
    # Whether everything else in the plan has come true, and since when it waits for its target.
    completes: bool = True
    waiting_since: datetime | None = None
    observed_again: State | None = None
    takes: tuple[Take, ...] = ()  # of the plan's measures, while it is being measured
    # Why a revert was refused, how often people had it done again, and what they chose now.
    refusal: str | None = None
    reverts: int = 0
    chosen: Chosen | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a measurement may take to count, and how long a contract waits for its target."""

    measure_within: timedelta
    wait_at_most: timedelta = timedelta(minutes=15)
