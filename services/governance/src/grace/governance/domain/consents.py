"""Consents to use a secret: asked for by one, given by another, for some operations and a time."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from grace.governance.domain.electorate import person

MOST_HELD = 1000
"""As many as fit the list that workers hear."""
ASKED_BY_WORKER = "worker"
_SECRET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_OPERATION = re.compile(r"[a-z][a-z0-9_]{0,63}\.([a-z][a-z0-9_]{0,63}|\*)")
_TARGET = _SECRET
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Status(StrEnum):
    """Where a consent stands."""

    ASKED = "asked"
    OPEN = "open"
    USED = "used"  # a one-time consent, for the contract that took it
    REJECTED = "rejected"
    REVOKED = "revoked"


class Event(StrEnum):
    """What can happen to a consent."""

    GRANT = "grant"
    REJECT = "reject"
    USE = "use"
    REVOKE = "revoke"


TRANSITIONS: Mapping[Status, Mapping[Event, Status]] = {
    Status.ASKED: {
        Event.GRANT: Status.OPEN,
        Event.REJECT: Status.REJECTED,
        Event.REVOKE: Status.REVOKED,
    },
    Status.OPEN: {Event.USE: Status.USED, Event.REVOKE: Status.REVOKED},
    Status.USED: {Event.REVOKE: Status.REVOKED},
    Status.REJECTED: {},
    Status.REVOKED: {},
}
INITIAL = Status.ASKED
FINAL = frozenset(status for status, exits in TRANSITIONS.items() if not exits)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which secret, for which operations, where: at one target, or at all of a class."""

    secret: str
    operation: str
    target: str | None
    target_class: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent, as it is kept for good. `lifetime` counts from the moment it is given."""

    consent_id: str
    tenant_id: str
    scope: Scope
    status: Status
    one_time: bool
    asked_by: str
    asked_at: datetime
    reason: str
    lifetime: timedelta | None
    every_tenant: bool = False
    mission_id: str | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    note: str | None = None
    expires_at: datetime | None = None
    used_by: str | None = None
    used_at: datetime | None = None
    revoked_by: str | None = None
    revoked_at: datetime | None = None

    def shown(self, now: datetime) -> str:
        """The status as people read it: what is over is expired, whether anybody noticed or not."""
        over = self.expires_at is not None and now >= self.expires_at
        return "expired" if over and self.status is Status.OPEN else self.status.value


class Refusal(StrEnum):
    """Why somebody may not decide on a consent."""

    OWN = "own"
    REQUESTER = "requester"
    NO_SEAT = "no_seat"
    DECIDED = "decided"


def flaw_of(scope: Scope) -> str | None:
    """Return what is wrong with what is asked for; None where nothing is."""
    if not _SECRET.fullmatch(scope.secret):
        return "a secret has a name of A-Z a-z 0-9 . _ : -, or is own"
    if not _OPERATION.fullmatch(scope.operation):
        return "an operation is named kernel.act, such as postgres.query, or kernel.* for all"
    if (scope.target is None) == (scope.target_class is None):
        return "say where: one target, or one target_class"
    if scope.target is not None and not _TARGET.fullmatch(scope.target):
        return "a target is named by its id; there are no wildcards"
    if scope.target_class is not None and not _CLASS.fullmatch(scope.target_class):
        return "a target_class is the name of a kernel, such as postgres"
    return None


def refusal(
    consent: Consent, principal: str, *, requesters: Collection[str], is_approver: bool
) -> Refusal | None:
    """Return why this person may not decide on a consent; None where they may.

    `requesters`: who wants any of the missions whose use was refused. Asking through a worker is asking.
    """
    if consent.status is not Status.ASKED:
        return Refusal.DECIDED
    if person(principal) == person(consent.asked_by):
        return Refusal.OWN
    if person(principal) in {person(each) for each in requesters}:
        return Refusal.REQUESTER
    return None if is_approver else Refusal.NO_SEAT


def after(status: Status, event: Event) -> Status | None:
    """Return the status behind a door; None where there is no such door."""
    return TRANSITIONS[status].get(event)
