"""The kill switch: whether governance permits effects right now."""

from dataclasses import dataclass
from datetime import datetime

from grace.worker.domain.capability import Step

FRESH_SECONDS = 1.0  # four missed beacons


@dataclass(frozen=True, slots=True)
class Permit:
    """The last beacon. `heard_at`: seconds on this worker's monotonic clock."""

    version: int
    allowed: bool
    reverts_allowed: bool
    issued_at: datetime
    heard_at: float


def hear(last: Permit | None, beacon: Permit) -> Permit:
    """Return the beacon that counts: an older one, repeated or late, changes nothing."""
    if last is None:
        return beacon
    newer = beacon.version >= last.version and beacon.issued_at > last.issued_at
    return beacon if newer else last


@dataclass(frozen=True, slots=True)
class Stop:
    """Why an effect may not begin now; `is_ordered` where people said so, and not a silence."""

    why: str
    is_ordered: bool = False


def may_begin(
    step: Step, permit: Permit | None, *, now: float, lease_left: float, timeout: float
) -> Stop | None:
    """Return why an effect may not begin now (None: it may). All times in seconds, monotonic.

    Silence stops applies and lets reverts go on: undoing is the safe direction. Who could lose
    the task while it acts does not begin: the next attempt would act beside it.
    """
    match step:
        case Step.APPLY:
            return _why_no_apply(permit, now=now, lease_left=lease_left, timeout=timeout)
        case Step.REVERT:
            if permit is None or permit.reverts_allowed:
                return None
            return Stop(f"reverts are stopped {_by_whom(permit)}", is_ordered=True)
        case Step.OBSERVE:
            return None


def _why_no_apply(
    permit: Permit | None, *, now: float, lease_left: float, timeout: float
) -> Stop | None:
    if permit is None or now - permit.heard_at > FRESH_SECONDS:
        return Stop(f"no permit was heard for {FRESH_SECONDS:g} s")
    if not permit.allowed:
        return Stop(f"applies are stopped {_by_whom(permit)}", is_ordered=True)
    if lease_left < timeout:
        return Stop(
            f"the lease has {lease_left:.1f} s left, less than the timeout of {timeout:g} s"
        )
    return None


def _by_whom(permit: Permit) -> str:
    return f"by the kill switch (permit version {permit.version})"
