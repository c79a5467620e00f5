"""What is due after one person granted alone: a second look by somebody else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from grace.governance.domain.electorate import Electorate, person


class Status(StrEnum):
    """Where a review stands."""

    OPEN = "open"
    REVIEWED = "reviewed"


class Event(StrEnum):
    """What can happen to a review. Time alone ends none."""

    COMPLETE = "complete"


TRANSITIONS: Mapping[Status, Mapping[Event, Status]] = {
    Status.OPEN: {Event.COMPLETE: Status.REVIEWED},
    Status.REVIEWED: {},
}


class Finding(StrEnum):
    """What the second person says."""

    JUSTIFIED = "justified"
    UNJUSTIFIED = "unjustified"


class Refusal(StrEnum):
    """Why a person may not complete a review."""

    OWN_GLASS = "own_glass"
    OWN_REQUEST = "own_request"
    NO_SEAT = "no_seat"
    REVIEWED = "reviewed"


@dataclass(frozen=True, slots=True)
class Review:
    """One broken glass and what was found about it."""

    review_id: str
    tenant_id: str
    approval_id: str
    mission_id: str
    status: Status
    broken_by: str
    reason: str
    broken_at: datetime
    reminders: int = 0
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    finding: Finding | None = None
    note: str | None = None


def refusal(review: Review, electorate: Electorate, reviewer: str) -> Refusal | None:
    """Why this person may not complete the review, or None where they may."""
    who = person(reviewer)
    if who == person(review.broken_by):
        return Refusal.OWN_GLASS
    if who in electorate.requesters:
        return Refusal.OWN_REQUEST
    if electorate.group_of(who) is None:
        return Refusal.NO_SEAT
    return Refusal.REVIEWED if review.status is not Status.OPEN else None
