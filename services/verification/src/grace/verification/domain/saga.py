"""The actions of one mission in order: whose turn it is, and what the mission comes to.

Action n + 1 acts when n is proven. The plan stands or falls as a whole: what is proven is verified
when everything is, and undone in reverse order when a later action does not come true. A later one
that could not be judged is not undone, and so nothing is taken away from under it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from grace.verification.domain.lifecycle import FINAL, MissionEvent, Status

_TRUE = frozenset({Status.PROVEN, Status.VERIFIED})


@dataclass(frozen=True, slots=True)
class Part:
    """One contract of a mission, as far as the others care.

    `accepted`: a person lets the world be as it is, whatever this action came to.
    """

    contract_id: str
    sequence: int
    status: Status
    confidence: float = 0.0
    accepted: bool = False
    reason: str | None = None


class Turn(StrEnum):
    """What a contract may do next, as far as its siblings decide that."""

    NOW = "now"  # act; or be verified, since all others have come true
    LATER = "later"
    BACK = "back"  # the plan failed: be undone
    STAY = "stay"  # the plan failed, and a person accepted the world as it is
    OPEN = "open"  # a later action could not be judged, and stays: what it stands on stays, too


# The worst first: what a mission is called when its actions ended differently.
_ENDS = {
    Status.ROLLBACK_FAILED: MissionEvent.FAIL_ROLLBACK,
    Status.FAILED: MissionEvent.FAIL,
    Status.INCONCLUSIVE: MissionEvent.LEAVE_OPEN,
    Status.ROLLED_BACK: MissionEvent.ROLL_BACK,
    Status.BLOCKED: MissionEvent.BLOCK,
    Status.EXPIRED: MissionEvent.EXPIRE,
    Status.CANCELLED: MissionEvent.CANCEL,
}


def turn_of(sequence: int, parts: Sequence[Part]) -> Turn:
    """Return whose turn it is: forward one by one, back in reverse order."""
    own = next(part for part in parts if part.sequence == sequence)
    if own.status is Status.PROVEN:
        return _turn_of_proven(sequence, parts)
    earlier = (part for part in parts if part.sequence < sequence)
    return Turn.NOW if all(part.status in _TRUE for part in earlier) else Turn.LATER


def completes(sequence: int, parts: Sequence[Part]) -> bool:
    """Whether everything else in the plan has come true already."""
    return all(part.status in _TRUE for part in parts if part.sequence != sequence)


def _turn_of_proven(sequence: int, parts: Sequence[Part]) -> Turn:
    if completes(sequence, parts):
        return Turn.NOW
    if not is_broken(parts):
        return Turn.LATER
    if any(part.accepted for part in parts):
        return Turn.STAY
    if any(part.status is Status.INCONCLUSIVE for part in parts):
        return Turn.OPEN
    later = (part for part in parts if part.sequence > sequence)
    return Turn.BACK if all(part.status in FINAL for part in later) else Turn.LATER


def is_broken(parts: Sequence[Part]) -> bool:
    """Whether a part has ended in another way than by coming true."""
    return any(part.status in _ENDS for part in parts)


def end_of(parts: Sequence[Part]) -> MissionEvent | None:
    """Return how a mission ends, or None while a part of it has not.

    It is verified when every part is. Otherwise the worst end decides; where something stays
    although the plan did not come true, that is a failure.
    """
    if not parts or any(part.status not in FINAL for part in parts):
        return None
    statuses = {part.status for part in parts}
    if statuses == {Status.VERIFIED}:
        return MissionEvent.VERIFY
    worst = next((event for status, event in _ENDS.items() if status in statuses), None)
    stays = Status.VERIFIED in statuses
    return MissionEvent.FAIL if stays and worst in _HARMLESS else worst


_HARMLESS = frozenset(
    {MissionEvent.ROLL_BACK, MissionEvent.BLOCK, MissionEvent.EXPIRE, MissionEvent.CANCEL}
)


def reason_of(parts: Sequence[Part]) -> str | None:
    """Return what the mission's end is said to be because of: the first part that went wrong."""
    whys = {
        part.status: part.reason
        for part in sorted(parts, key=lambda each: -each.sequence)
        if part.status in _ENDS
    }
    return next((whys[status] for status in _CAUSES if status in whys), None)


# What was undone with the others or left out is never why.
_CAUSES = (
    Status.ROLLBACK_FAILED,
    Status.FAILED,
    Status.INCONCLUSIVE,
    Status.BLOCKED,
    Status.EXPIRED,
    Status.ROLLED_BACK,
    Status.CANCELLED,
)


def confidence_of(parts: Sequence[Part]) -> float:
    """Return a mission's confidence: that of its weakest part that was not left out."""
    counted = [part.confidence for part in parts if part.status is not Status.CANCELLED]
    return min(counted, default=0.0)
