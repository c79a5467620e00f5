"""The brake: automation of a tenant stops itself where its effects do not hold, until a person lets go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

PULLED_BY = "evidence"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """So many effects that did not hold within a window pull the brake."""

    failures: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class Failure:
    """A contract whose effect did not hold, and when that was found."""

    contract_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Brake:
    """How a tenant's brake stands. `failed_at`: the effects that did not hold since it was let go."""

    tenant_id: str
    is_on: bool
    version: int
    failed_at: tuple[datetime, ...]
    changed_at: datetime | None
    changed_by: str
    reason: str


def never_pulled(tenant_id: str) -> Brake:
    """How everybody's brake stands at first."""
    return Brake(tenant_id, is_on=False, version=0, failed_at=(), changed_at=None,
                 changed_by="grace", reason="nothing pulled it yet")  # fmt: skip


def after(brake: Brake, failed: Sequence[Failure], tolerance: Tolerance, *, now: datetime) -> Brake:
    """How it stands once these too did not hold; a new version where they pull it.

    They count from when it was found: who hears late of failures that lie far apart pulls nothing.
    """
    last = max(failed, key=lambda each: each.at)
    told = replace(brake, failed_at=(*brake.failed_at, *(min(each.at, now) for each in failed)))
    counted = sorted(recent(told, tolerance, now))[-tolerance.failures :]
    kept = replace(brake, failed_at=tuple(counted))
    if brake.is_on or len(kept.failed_at) < tolerance.failures:
        return kept
    minutes = round(tolerance.window.total_seconds() / 60)
    reason = (
        f"{tolerance.failures} effects within {minutes} min did not hold; the last was that of "
        f"contract {last.contract_id}"
    )
    return _turned(kept, is_on=True, by=PULLED_BY, reason=reason, now=now)


def turned(brake: Brake, *, is_on: bool, by: str, reason: str, now: datetime) -> Brake:
    """How it stands once a person pulled it or let it go; the same where it stands so already."""
    if brake.is_on == is_on:
        return brake
    return replace(_turned(brake, is_on=is_on, by=by, reason=reason, now=now), failed_at=())


def recent(brake: Brake, tolerance: Tolerance, now: datetime) -> tuple[datetime, ...]:
    """The failures that still count."""
    return tuple(at for at in brake.failed_at if at > now - tolerance.window)


def _turned(brake: Brake, *, is_on: bool, by: str, reason: str, now: datetime) -> Brake:
    return replace(
        brake,
        is_on=is_on,
        version=brake.version + 1,
        changed_at=now,
        changed_by=by,
        reason=reason,
    )
