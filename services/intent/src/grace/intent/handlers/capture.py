"""Errors come in: each is counted on the mission of its fingerprint, or opens one."""

import json
from collections.abc import Sequence
from datetime import datetime
from time import perf_counter

from pydantic import JsonValue

from grace.contracts.intent import ErrorDetected, ErrorDetectedSeverity, IntentSubmit
from grace.intent.domain.mission import Mission
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
from grace.intent.store import Missions, captured_of
from grace.kit import Received, Unit, new_id

_ON_BEHALF = "gateway"  # it has authenticated somebody, and says whom


async def on_error_detected(
    settings: Settings, planner: type, messages: Sequence[Received[ErrorDetected]], unit: Unit
) -> None:
    """Count every report on the mission of its error; an error without one gets one."""
    started = perf_counter()
    now = await unit.now()
    signals = [_signal(message, settings, now) for message in messages]
    fingerprints = sorted({signal.fingerprint for signal in signals})
    missions = await Missions(unit.tx).lock_missions(fingerprints, settings.late_window)
    intake = sort_signals(signals, missions)
    await capture(settings, intake, unit)
    _count_late(messages, intake, unit)

    def committed() -> None:
        observe_capture(messages=len(messages), seconds=perf_counter() - started)
        unit.runtime.wake(planner)

    unit.after_commit(committed)


async def capture(settings: Settings, intake: Intake, unit: Unit) -> dict[str, Mission]:
    """Store the signals and tell of each mission that they open; return the open ones."""
    store = Missions(unit.tx)
    proposed = [f"mission-{new_id()}" for _ in intake.fresh]
    counted = (
        await store.capture(intake.fresh, proposed, recall_after=settings.recall_after)
        if intake.fresh
        else []
    )
    late = await store.count_late(intake.late) if intake.late else []
    if samples := _samples(intake, counted, late, settings.kept_signals):
        await store.keep_signals(samples)
    opened = set(proposed)
    for mission in counted:
        if mission.mission_id in opened:
            told, tenant = captured_of(mission), mission.tenant_id
            unit.publish(told, tenant=tenant, correlation_id=mission.mission_id)
    return {mission.fingerprint: mission for mission in counted}


def principal(message: Received[ErrorDetected] | Received[IntentSubmit], settings: Settings) -> str:
    """Return who answers for a message, and so may not approve what follows."""
    if message.publisher == _ON_BEHALF and message.body.requested_by is not None:
        return message.body.requested_by
    return message.publisher or settings.outside_principal


def written(details: dict[str, JsonValue] | None) -> str | None:
    """Return free-form details as JSON; equal ones are equal texts."""
    return None if details is None else json.dumps(details, sort_keys=True)


def _samples(
    intake: Intake, counted: Sequence[Mission], late: Sequence[Mission], at_most: int
) -> list[tuple[str, Signal]]:
    groups = {group.fingerprint: group for group in intake.fresh}
    echoes = {mission.mission_id: group for mission, group in intake.late}
    pairs = [(mission, groups[mission.fingerprint]) for mission in counted]
    pairs += [(mission, echoes[mission.mission_id]) for mission in late]
    return [
        (mission.mission_id, signal)
        for mission, group in pairs
        for signal in kept(group, counted=mission.signal_count, at_most=at_most)
    ]


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
        details=bounded(written(body.details)),
        requested_by=principal(message, settings),
        detected_at=plausible(body.detected_at, now),
        issued_at=message.issued_at,
    )
