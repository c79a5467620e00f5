"""The actions of one mission in order: whose turn it is, and what the mission comes to.

Action n + 1 acts when n is verified. What was verified is not undone when a later action fails:
its contract is closed, and with it the permission to revert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grace.verification.domain.lifecycle import FINAL, MissionEvent, Status


@dataclass(frozen=True, slots=True)
class Part:
    """One contract of a mission, as far as the others care."""

    contract_id: str
    sequence: int
    status: Status
    confidence: float = 0.0


class Turn(StrEnum):
    """Whether a contract may act."""

    NOW = "now"
    LATER = "later"


_ENDS = {
    Status.FAILED: MissionEvent.FAIL,
    Status.ROLLED_BACK: MissionEvent.ROLL_BACK,
    Status.ROLLBACK_FAILED: MissionEvent.FAIL_ROLLBACK,
    Status.INCONCLUSIVE: MissionEvent.LEAVE_OPEN,
    Status.BLOCKED: MissionEvent.BLOCK,
    Status.EXPIRED: MissionEvent.EXPIRE,
    Status.CANCELLED: MissionEvent.CANCEL,
}


def turn_of(sequence: int, parts: Sequence[Part]) -> Turn:
    """Return whether every earlier action of the mission is verified."""
    earlier = (part for part in parts if part.sequence < sequence)
    return Turn.NOW if all(part.status is Status.VERIFIED for part in earlier) else Turn.LATER


def end_of(parts: Sequence[Part]) -> MissionEvent | None:
    """Return how a mission ends, or None while it goes on.

    It is verified when every part is. Otherwise the first part that ended in another way decides.
    """
    if parts and all(part.status is Status.VERIFIED for part in parts):
        return MissionEvent.VERIFY
    ended = (part.status for part in sorted(parts, key=lambda each: each.sequence))
    return next((_ENDS[status] for status in ended if status in FINAL and status in _ENDS), None)


def confidence_of(parts: Sequence[Part]) -> float:
    """Return a mission's confidence: that of its weakest part that was not left out."""
    counted = [part.confidence for part in parts if part.status is not Status.CANCELLED]
    return min(counted, default=0.0)
