"""The cube: which facts are counted, by what, and which questions have an answer of a bearable size."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
LONGEST = timedelta(days=400)
LONGEST_FUNNEL = timedelta(days=31)
# What a sum of times can still be written as; Grace is younger.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
MOST_POINTS = 1000
MISSION, PLAN, HOURS = "mission", "plan", "hours"
"""Steps of loading besides facts: what missions are about and what they plan, hours counted anew."""
UNKNOWN = ""
"""The name of a member that is not known."""


class Fact(StrEnum):
    """What is counted."""

    ACTION = "action"  # a closed contract, by its highest revision
    TASK = "task"  # an ended task; one that needs attention has not ended
    APPROVAL = "approval"  # a decision on an approval


class Dimension(StrEnum):
    """What facts are counted by; the last is no dimension of its own, but what became of them."""

    TIME = "time"
    SERVICE = "service"
    PLAYBOOK = "playbook"
    OPERATION = "operation"
    ORIGIN = "origin"
    OUTCOME = "outcome"


class Bucket(StrEnum):
    """How long a point of a trend is."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Selection:
    """Facts of one kind and tenant, from one whole hour up to another; None selects all members."""

    tenant_id: str
    fact: Fact
    from_time: datetime
    to_time: datetime
    service: str | None = None
    playbook: str | None = None
    operation: str | None = None
    origin: str | None = None

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.to_time - self.from_time


@dataclass(frozen=True, slots=True)
class Figures:
    """What facts come to: `total` is of the measure of those `measured` facts that have one."""

    count: int
    succeeded: int
    measured: int
    total: float

    @property
    def success_rate(self) -> float | None:
        """The share that succeeded; None of nothing."""
        return self.succeeded / self.count if self.count else None

    @property
    def mean(self) -> float | None:
        """The mean of the measure; None where nothing was measured."""
        return self.total / self.measured if self.measured else None


def floor_hour(moment: datetime) -> datetime:
    """The beginning of the hour of UTC that a moment lies in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def ceil_hour(moment: datetime) -> datetime:
    """The first hour of UTC that does not begin before a moment."""
    floor = floor_hour(moment)
    return floor if floor == moment else floor + HOUR


def complaint_of(from_time: datetime, to_time: datetime) -> str | None:
    """Why a time is none; None where it can be looked at."""
    if not (from_time >= EARLIEST and to_time <= LATEST):
        return f"times between {EARLIEST.year} and {LATEST.year} are needed"
    if to_time <= from_time:
        return "to_time has to be later than from_time"
    if to_time - from_time > LONGEST:
        return f"at most {LONGEST.days} days at once: ask for less, or for several parts"
    return None


def complaint_of_trend(selection: Selection, bucket: Bucket) -> str | None:
    """Why a trend would be too long; None where it is not."""
    step = HOUR if bucket is Bucket.HOUR else DAY
    if selection.length / step <= MOST_POINTS - 1:
        return None
    return f"more than {MOST_POINTS - 1} points: ask for days, or for less"
