"""Schedules: which slots are due, and what becomes of those that were missed."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from grace.htm.domain.cron import last_slots, next_slot, objection_to

MOST_CAUGHT_UP = 1000


class CatchUp(StrEnum):
    """What becomes of slots that nobody fired in time: none, the last, all up to a bound."""

    SKIP = "skip"
    ONE = "one"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Plan:
    """When a schedule fires."""

    cron: str
    time_zone: str
    catch_up: str = CatchUp.SKIP
    catch_up_most: int = 1
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """A schedule whose next slot has come."""

    tenant_id: str
    name: str
    plan: Plan
    next_at: datetime
    now: datetime
    order: str


@dataclass(frozen=True, slots=True)
class Firing:
    """The slots to submit, the earliest first, and when the next one comes."""

    slots: tuple[datetime, ...]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class Slot:
    """One task of a schedule, under a client key that only its slot can have."""

    tenant_id: str
    name: str
    at: datetime
    order: str

    @property
    def key(self) -> str:
        """The slash keeps it apart: no identifier holds one."""
        return f"schedule/{self.name}/{self.at:%Y-%m-%dT%H:%MZ}"


@dataclass(frozen=True, slots=True)
class Fired:
    """What became of the last slot of a schedule that fired."""

    slot: Slot
    outcome: str
    task_id: UUID | None


def objection(plan: Plan, step: str) -> str | None:
    """What is wrong with a schedule; None where it can fire."""
    if plan.catch_up not in {*CatchUp}:
        return f"catch_up is {', '.join(CatchUp)}"
    if not 1 <= plan.catch_up_most <= MOST_CAUGHT_UP:
        return f"catch_up_most is 1 to {MOST_CAUGHT_UP}"
    if step != "observe":
        return "a schedule only observes: what changes something needs a capability each time"
    return objection_to(plan.cron, plan.time_zone)


def fire(due: Due, *, late_after: timedelta) -> Firing:
    """Choose the slots to submit; what is older than `late_after` was missed."""
    plan, now = due.plan, due.now
    since, most = due.next_at, plan.catch_up_most
    match plan.catch_up:
        case CatchUp.ALL:
            pass
        case CatchUp.ONE:
            most = 1
        case _:
            since, most = max(since, now - late_after), MOST_CAUGHT_UP
    slots = last_slots(plan.cron, plan.time_zone, since=since, until=now, most=most)
    return Firing(tuple(slots), next_slot(plan.cron, plan.time_zone, now))


def first_at(plan: Plan, now: datetime) -> datetime | None:
    """When a schedule that was set or changed just now fires next; a disabled one never does."""
    return next_slot(plan.cron, plan.time_zone, now) if plan.enabled else None


def sentence_of(plan: Plan, next_at: datetime | None, now: datetime) -> str:
    """Why it stands where it stands."""
    if not plan.enabled:
        return "It is disabled, and fires when somebody enables it."
    if next_at is None:
        return "No time of its cron expression comes any more."
    left = max((next_at - now).total_seconds(), 0.0)
    return f"It fires next at {next_at:%Y-%m-%dT%H:%MZ}, in {left:.0f} s."
