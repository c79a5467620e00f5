"""The kill switch: who stopped all effects, or let them go on, and why."""

from dataclasses import dataclass, replace
from datetime import datetime

OPERATORS_TENANT = "default"
"""The tenant that runs Grace: only it turns the switch, which stops the effects of every tenant."""


@dataclass(frozen=True, slots=True)
class Switch:
    """How the switch stands. `is_on` stops applies; `hard` stops reverts, too."""

    version: int
    is_on: bool
    hard: bool
    changed_at: datetime
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Order:
    """One turn of the switch, as it is kept for good."""

    version: int
    is_on: bool
    hard: bool
    ordered_by: str
    ordered_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """How somebody wants the switch to stand."""

    is_on: bool
    hard: bool
    by: str
    reason: str


def turned(switch: Switch, wanted: Wanted, *, now: datetime) -> Switch | None:
    """The next version of the switch; None where it stands as wanted."""
    hard = wanted.is_on and wanted.hard
    if (switch.is_on, switch.hard) == (wanted.is_on, hard):
        return None
    return replace(
        switch,
        version=switch.version + 1,
        is_on=wanted.is_on,
        hard=hard,
        changed_at=now,
        changed_by=wanted.by,
        reason=wanted.reason,
    )
