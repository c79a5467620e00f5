"""What others are told of a mission; said again, it is the same."""

from grace.contracts.intent import ActionPlanned, ErrorCaptured, PlanningBlocked
from grace.intent.domain.mission import Mission

_NO_TARGET = "-"  # the wire needs a name; no plan follows, so nothing ever acts on it


def captured_of(mission: Mission) -> ErrorCaptured:
    """Return what opened the mission."""
    return ErrorCaptured(
        mission_id=mission.mission_id,
        tenant_id=mission.tenant_id,
        signal_id=mission.signal_id,
        fingerprint=mission.fingerprint,
        source=mission.source,
        kind=mission.kind,
        target=mission.target or _NO_TARGET,
        message=mission.message,
        severity=mission.severity,
        requested_by=mission.requested_by,
        detected_at=mission.detected_at,
        captured_at=mission.captured_at,
        intent_id=mission.intent_id,
    )


def planned_of(mission: Mission) -> ActionPlanned | None:
    """Return its plan, or None."""
    if mission.plan is None or mission.plan_hash is None:
        return None
    return ActionPlanned(
        mission_id=mission.mission_id,
        tenant_id=mission.tenant_id,
        plan_hash=mission.plan_hash,
        plan=mission.plan,
    )


def blocked_of(mission: Mission) -> PlanningBlocked | None:
    """Return why it has no plan, or None."""
    if mission.blocked_at is None:
        return None
    return PlanningBlocked(
        mission_id=mission.mission_id, tenant_id=mission.tenant_id, reason=mission.reason or ""
    )
