"""Takes in detected errors and the ends of missions, and says again what was decided."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from time import perf_counter

from grace.contracts.intent import (
    ActionPlanned,
    ErrorCaptured,
    ErrorDetected,
    ErrorDetectedSeverity,
    PlanningBlocked,
    RecalledMission,
    RecallMission,
)
from grace.contracts.verification import MissionClosed
from grace.intent.domain.intent import Intent
from grace.intent.domain.signal import (
    Intake,
    Signal,
    bounded,
    kept,
    plain_text,
    plausible,
    sort_signals,
)
from grace.intent.metrics import observe_capture
from grace.intent.settings import Settings
from grace.intent.store import Store
from grace.kit import Called, NotFound, Received, Rpc, Stream, Unit, new_id


class UnknownMission(NotFound):
    """No such mission was ever captured here."""


def stream(settings: Settings, *, planner: type) -> Stream:
    """Return what is read from streams; `planner` is the loop that a captured error wakes."""
    # Counting is not idempotent by itself: the inbox makes it so.
    return (
        Stream()
        .on(ErrorDetected, partial(on_error_detected, settings, planner), inbox=True)
        .on(MissionClosed, on_mission_closed)
    )


def rpc() -> Rpc:
    """Return what is answered."""
    return Rpc().on(RecallMission, on_recall_mission)


async def on_error_detected(
    settings: Settings, planner: type, messages: Sequence[Received[ErrorDetected]], unit: Unit
) -> None:
    """Count every report on the mission of its error; an error without one gets one."""
    started = perf_counter()
    store, now = Store(unit.tx), await unit.now()
    signals = [_signal(message, settings, now) for message in messages]
    fingerprints = sorted({signal.fingerprint for signal in signals})
    missions = await store.lock_missions(fingerprints, settings.late_window)
    intake = sort_signals(signals, missions)
    for intent in await _capture(store, intake, settings.kept_signals):
        unit.publish(_captured(intent), tenant=intent.tenant_id, correlation_id=intent.mission_id)
    _count_late(messages, intake, unit)

    def committed() -> None:
        observe_capture(messages=len(messages), seconds=perf_counter() - started)
        unit.runtime.wake(planner)

    unit.after_commit(committed)


async def on_mission_closed(messages: Sequence[Received[MissionClosed]], unit: Unit) -> None:
    """Close missions: their fingerprints are free, an equal error is a new mission."""
    ends: dict[str, Received[MissionClosed]] = {}
    for message in messages:
        ends.setdefault(message.body.mission_id, message)
    closed = await Store(unit.tx).close_missions(
        [(each, end.body.status, end.body.closed_at) for each, end in ends.items()]
    )
    for message in messages:
        mission_id = message.body.mission_id
        if mission_id not in closed or ends[mission_id] is not message:
            unit.count("stale", message)


async def on_recall_mission(call: Called[RecallMission], unit: Unit) -> RecalledMission:
    """Say again what was captured and decided."""
    intent = await Store(unit.tx).find_intent(call.body.mission_id)
    if intent is None:
        raise UnknownMission
    return RecalledMission(
        captured=_captured(intent), planned=_planned(intent), blocked=_blocked(intent)
    )


async def _capture(store: Store, intake: Intake, at_most: int) -> list[Intent]:
    """Store the batch; return the intents that it opened."""
    proposed = [f"mission-{new_id()}" for _ in intake.fresh]
    counted = await store.capture(intake.fresh, proposed) if intake.fresh else []
    late = await store.count_late(intake.late) if intake.late else []
    groups = {group.fingerprint: group for group in intake.fresh}
    echoes = {mission.mission_id: group for mission, group in intake.late}
    pairs = [(intent, groups[intent.fingerprint]) for intent in counted]
    pairs += [(intent, echoes[intent.mission_id]) for intent in late]
    samples = [
        (intent.mission_id, signal)
        for intent, group in pairs
        for signal in kept(group, counted=intent.signal_count, at_most=at_most)
    ]
    if samples:
        await store.keep_signals(samples)
    return [intent for intent in counted if intent.mission_id in set(proposed)]


def _count_late(messages: Sequence[Received[ErrorDetected]], intake: Intake, unit: Unit) -> None:
    late = {signal.id for _, group in intake.late for signal in group.signals}
    for message in messages:
        if message.id in late:
            unit.count("late", message)


def _signal(message: Received[ErrorDetected], settings: Settings, now: datetime) -> Signal:
    body = message.body
    given = ErrorDetectedSeverity.error
    severity = given if body.severity is ErrorDetectedSeverity.unspecified else body.severity
    return Signal(
        id=message.id,
        tenant=message.tenant,
        source=body.source,
        kind=body.kind,
        target=body.target,
        message=plain_text(body.message),
        severity=severity.value,
        details=bounded(None if body.details is None else json.dumps(body.details)),
        requested_by=message.publisher or settings.outside_principal,
        detected_at=plausible(body.detected_at, now),
        issued_at=message.issued_at,
    )


def _captured(intent: Intent) -> ErrorCaptured:
    return ErrorCaptured(
        mission_id=intent.mission_id,
        tenant_id=intent.tenant_id,
        signal_id=intent.signal_id,
        fingerprint=intent.fingerprint,
        source=intent.source,
        kind=intent.kind,
        target=intent.target,
        message=intent.message,
        severity=intent.severity,
        requested_by=intent.requested_by,
        detected_at=intent.detected_at,
        captured_at=intent.captured_at,
    )


def _planned(intent: Intent) -> ActionPlanned | None:
    if intent.plan is None or intent.plan_hash is None:
        return None
    return ActionPlanned(
        mission_id=intent.mission_id,
        tenant_id=intent.tenant_id,
        plan_hash=intent.plan_hash,
        plan=intent.plan,
    )


def _blocked(intent: Intent) -> PlanningBlocked | None:
    if intent.blocked_at is None:
        return None
    return PlanningBlocked(
        mission_id=intent.mission_id, tenant_id=intent.tenant_id, reason=intent.reason or ""
    )
