"""The kill switch: whether governance permits effects right now."""

from dataclasses import dataclass
from datetime import datetime

from grace.worker.domain.capability import Step

FRESH_SECONDS = 1.0  # four missed beacons
# Of a beacon when it is heard, by the clock that governance answered with. An answer may take a
# second, and the beacon is no younger for it.
OLDEST_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Permit:
    """The last beacon. `heard_at`: seconds on this worker's monotonic clock."""

    version: int
    allowed: bool
    reverts_allowed: bool
    issued_at: datetime
    heard_at: float


@dataclass(frozen=True, slots=True)
class Word:
    """What governance answered when it was asked; `permit.heard_at` is when it was asked."""

    permit: Permit

    def age_of(self, beacon: Permit) -> float:
        """The seconds that a beacon was under way at most, by governance's clock and by ours."""
        passed = beacon.heard_at - self.permit.heard_at
        return passed - (beacon.issued_at - self.permit.issued_at).total_seconds()


@dataclass(frozen=True, slots=True)
class Heard:
    """What a worker knows of the kill switch, and by whose word."""

    permit: Permit | None = None
    word: Word | None = None

    def asked(self, word: Word) -> "Heard":
        """Take up what governance itself answered; it is of now, whatever was heard before."""
        behind = self.permit is not None and word.permit.version < self.permit.version
        return self if behind else Heard(word.permit, word)

    def hear(self, beacon: Permit) -> "Heard":
        """Take up a beacon: one that is older, repeated, or recorded before changes nothing.

        Whoever has the rights of governance's NATS user can send its beacons again, signatures and
        all. So a worker asks first; then it knows governance's clock, and what is not of now.
        """
        if self.permit is None or self.word is None:
            return self
        newer = beacon.version >= self.permit.version and beacon.issued_at > self.permit.issued_at
        of_now = abs(self.word.age_of(beacon)) <= OLDEST_SECONDS
        return Heard(beacon, self.word) if newer and of_now else self


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
