"""The states of a contract and of a mission, and the only doors between them."""

from collections.abc import Mapping
from enum import StrEnum


class Status(StrEnum):
    """Where a contract stands."""

    DRAFTED = "drafted"
    APPROVED = "approved"
    WAITING = "waiting"  # for its target, which another contract holds
    HOLDING = "holding"
    EXECUTING = "executing"
    MEASURING = "measuring"
    PROVEN = "proven"  # measured as expected; the rest of the plan is still to come true
    REVERTING = "reverting"
    RESTORING = "restoring"  # reverted; whether the world is back is being measured
    NEEDS_ATTENTION = "needs_attention"
    VERIFIED = "verified"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen to a contract."""

    APPROVE = "approve"
    WAIT = "wait"
    HOLD = "hold"
    EXECUTE = "execute"
    MEASURE = "measure"
    PROVE = "prove"
    REVERT = "revert"
    RESTORE = "restore"
    ATTEND = "attend"
    VERIFY = "verify"
    FAIL = "fail"
    ROLL_BACK = "roll_back"
    FAIL_ROLLBACK = "fail_rollback"
    LEAVE_OPEN = "leave_open"
    BLOCK = "block"
    REJECT = "reject"
    EXPIRE = "expire"
    CANCEL = "cancel"


TRANSITIONS: Mapping[Status, Mapping[Event, Status]] = {
    Status.DRAFTED: {
        Event.APPROVE: Status.APPROVED,
        Event.REJECT: Status.REJECTED,
        Event.EXPIRE: Status.EXPIRED,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.APPROVED: {
        Event.WAIT: Status.WAITING,
        Event.HOLD: Status.HOLDING,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.WAITING: {
        Event.HOLD: Status.HOLDING,
        Event.EXPIRE: Status.EXPIRED,
        Event.CANCEL: Status.CANCELLED,
    },
    Status.HOLDING: {
        Event.EXECUTE: Status.EXECUTING,
        Event.BLOCK: Status.BLOCKED,  # htm refuses its task
        Event.ATTEND: Status.NEEDS_ATTENTION,
    },
    Status.EXECUTING: {
        Event.MEASURE: Status.MEASURING,
        Event.REVERT: Status.REVERTING,
        Event.FAIL: Status.FAILED,
        Event.BLOCK: Status.BLOCKED,
        Event.EXPIRE: Status.EXPIRED,
        Event.CANCEL: Status.CANCELLED,
        Event.ATTEND: Status.NEEDS_ATTENTION,
    },
    Status.MEASURING: {
        Event.VERIFY: Status.VERIFIED,
        Event.FAIL: Status.FAILED,
        Event.LEAVE_OPEN: Status.INCONCLUSIVE,
        Event.PROVE: Status.PROVEN,
        Event.REVERT: Status.REVERTING,
        Event.ATTEND: Status.NEEDS_ATTENTION,
    },
    Status.PROVEN: {
        Event.VERIFY: Status.VERIFIED,
        Event.REVERT: Status.REVERTING,
        Event.ATTEND: Status.NEEDS_ATTENTION,
    },
    Status.REVERTING: {
        Event.RESTORE: Status.RESTORING,
        Event.ATTEND: Status.NEEDS_ATTENTION,
    },
    Status.RESTORING: {
        Event.ROLL_BACK: Status.ROLLED_BACK,
        Event.FAIL_ROLLBACK: Status.ROLLBACK_FAILED,
        Event.ATTEND: Status.NEEDS_ATTENTION,
    },
    # Only an operator leaves it, and never as a success: nobody measured one.
    Status.NEEDS_ATTENTION: {
        Event.REVERT: Status.REVERTING,
        Event.FAIL: Status.FAILED,
        Event.FAIL_ROLLBACK: Status.ROLLBACK_FAILED,
    },
    Status.VERIFIED: {},
    Status.FAILED: {},
    Status.ROLLED_BACK: {},
    Status.ROLLBACK_FAILED: {},
    Status.INCONCLUSIVE: {},
    Status.BLOCKED: {},
    Status.REJECTED: {},
    Status.EXPIRED: {},
    Status.CANCELLED: {},
}
INITIAL = Status.DRAFTED
FINAL = frozenset(status for status, exits in TRANSITIONS.items() if not exits)
VERDICTS = frozenset(
    {
        Status.VERIFIED,
        Status.FAILED,
        Status.ROLLED_BACK,
        Status.ROLLBACK_FAILED,
        Status.INCONCLUSIVE,
        Status.BLOCKED,
    }
)


class MissionStatus(StrEnum):
    """Where a mission stands."""

    OPEN = "open"
    PLANNED = "planned"
    AWAITING_APPROVAL = "awaiting_approval"
    ACTING = "acting"
    NEEDS_ATTENTION = "needs_attention"
    VERIFIED = "verified"
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    INCONCLUSIVE = "inconclusive"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class MissionEvent(StrEnum):
    """What can happen to a mission."""

    PLAN = "plan"
    FIND_NO_PLAN = "find_no_plan"
    ASK = "ask"
    GRANT = "grant"
    REJECT = "reject"
    LAPSE = "lapse"  # nobody decided in time
    ATTEND = "attend"
    RESUME = "resume"
    VERIFY = "verify"
    FAIL = "fail"
    ROLL_BACK = "roll_back"
    FAIL_ROLLBACK = "fail_rollback"
    LEAVE_OPEN = "leave_open"
    BLOCK = "block"
    EXPIRE = "expire"
    CANCEL = "cancel"


_UNDECIDED: Mapping[MissionEvent, MissionStatus] = {
    MissionEvent.GRANT: MissionStatus.ACTING,
    MissionEvent.REJECT: MissionStatus.REJECTED,
    MissionEvent.LAPSE: MissionStatus.EXPIRED,
}

MISSION_TRANSITIONS: Mapping[MissionStatus, Mapping[MissionEvent, MissionStatus]] = {
    MissionStatus.OPEN: {
        MissionEvent.PLAN: MissionStatus.PLANNED,
        MissionEvent.FIND_NO_PLAN: MissionStatus.BLOCKED,
    },
    MissionStatus.PLANNED: {
        MissionEvent.ASK: MissionStatus.AWAITING_APPROVAL,
        **_UNDECIDED,
    },
    MissionStatus.AWAITING_APPROVAL: _UNDECIDED,
    MissionStatus.ACTING: {
        MissionEvent.VERIFY: MissionStatus.VERIFIED,
        MissionEvent.FAIL: MissionStatus.FAILED,
        MissionEvent.ROLL_BACK: MissionStatus.ROLLED_BACK,
        MissionEvent.FAIL_ROLLBACK: MissionStatus.ROLLBACK_FAILED,
        MissionEvent.LEAVE_OPEN: MissionStatus.INCONCLUSIVE,
        MissionEvent.BLOCK: MissionStatus.BLOCKED,
        MissionEvent.EXPIRE: MissionStatus.EXPIRED,
        MissionEvent.CANCEL: MissionStatus.CANCELLED,
        MissionEvent.ATTEND: MissionStatus.NEEDS_ATTENTION,
    },
    MissionStatus.NEEDS_ATTENTION: {
        MissionEvent.RESUME: MissionStatus.ACTING,
        MissionEvent.FAIL: MissionStatus.FAILED,
        MissionEvent.FAIL_ROLLBACK: MissionStatus.ROLLBACK_FAILED,
    },
    MissionStatus.VERIFIED: {},
    MissionStatus.FAILED: {},
    MissionStatus.ROLLED_BACK: {},
    MissionStatus.ROLLBACK_FAILED: {},
    MissionStatus.INCONCLUSIVE: {},
    MissionStatus.BLOCKED: {},
    MissionStatus.REJECTED: {},
    MissionStatus.EXPIRED: {},
    MissionStatus.CANCELLED: {},
}
MISSION_INITIAL = MissionStatus.OPEN
MISSION_FINAL = frozenset(status for status, exits in MISSION_TRANSITIONS.items() if not exits)


def after(status: Status, event: Event) -> Status:
    """Return the state behind a door. KeyError: the table has no such door, a bug."""
    return TRANSITIONS[status][event]


def mission_sources(event: MissionEvent) -> tuple[MissionStatus, ...]:
    """Return the states of a mission that an event may leave: the guard of its statement."""
    return tuple(status for status, exits in MISSION_TRANSITIONS.items() if event in exits)


def mission_target(event: MissionEvent) -> MissionStatus:
    """Return the one state that an event leads to, whatever it leaves."""
    (target,) = {exits[event] for exits in MISSION_TRANSITIONS.values() if event in exits}
    return target
