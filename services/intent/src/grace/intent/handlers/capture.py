"""Errors come in: each is counted on the mission of its fingerprint, or opens one."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from time import perf_counter

from grace.contracts.hunter import cleaned, cleaned_json
from grace.contracts.intent import (
    ErrorDetected,
    ErrorDetectedSeverity,
    IntentSubmit,
    ReporterJoined,
)
from grace.intent.domain.ending import ends
from grace.intent.domain.mesh import Pending, ripen, shape
from grace.intent.domain.mission import Mission
from grace.intent.domain.signal import (
    Group,
    Intake,
    LastMission,
    Signal,
    bounded,
    kept,
    plain_text,
    plausible,
    sort_signals,
)
from grace.intent.metrics import count_secrets, observe_capture
from grace.intent.planner import Rules
from grace.intent.settings import Settings
from grace.intent.store import (
    Captures,
    Found,
    Joined,
    Playbooks,
    Reporters,
    Window,
    Windows,
    captured_of,
)
from grace.kit import Received, Unit, new_id

# The gateway has authenticated somebody, and verification opens a mission of somebody's again.
_REOPENS = "verification"
_ON_BEHALF = frozenset({"gateway", _REOPENS})


async def on_error_detected(
    settings: Settings,
    planner: type,
    rules: Rules,
    messages: Sequence[Received[ErrorDetected]],
    unit: Unit,
) -> None:
    """Count every report on the mission of its error; an error without one gets one."""
    started = perf_counter()
    signals, found = await _look(settings, rules, messages, unit)
    signals = [replace(one, detected_at=plausible(one.detected_at, found.now)) for one in signals]
    intake = sort_signals((one for one in signals if not one.over), found.missions)
    ripe = await _ripened(settings, intake, found, unit)
    opened = await capture(settings, ripe, unit, is_report=True)
    if again := [one.mission_id for one in opened.values() if one.over_at is not None]:
        await Reporters(unit.tx).renew(again)
    if over := ends(signals):
        await Reporters(unit.tx).end(over)
    _count(messages, signals, intake, ripe, unit)

    def committed() -> None:
        observe_capture(messages=len(messages), seconds=perf_counter() - started)
        unit.runtime.wake(planner)

    unit.after_commit(committed)


async def capture(
    settings: Settings, intake: Intake, unit: Unit, *, is_report: bool = False
) -> dict[str, Mission]:
    """Store the signals and tell of each mission that they open; return the open ones.

    Who reports what another one opened a mission for is told, too: an error is over once it is for all.
    """
    store = Captures(unit.tx)
    proposed = [f"mission-{new_id()}" for _ in intake.fresh]
    counted, joined = (
        await store.capture(
            intake.fresh,
            proposed,
            recall_after=settings.recall_after,
            kept=settings.kept_signals,
            reports={one.fingerprint: one.reports for one in intake.fresh if is_report},
        )
        if intake.fresh
        else ([], [])
    )
    late = await store.count_late(intake.late) if intake.late else []
    if samples := _samples(intake, late, settings.kept_signals):
        await store.keep_signals(samples)
    opened = set(proposed)
    for mission in counted:
        if mission.mission_id in opened:
            told, tenant = captured_of(mission), mission.tenant_id
            unit.publish(told, tenant=tenant, correlation_id=mission.mission_id)
    await tell_joined(joined, unit)
    return {mission.fingerprint: mission for mission in counted}


async def tell_joined(joined: Sequence[Joined], unit: Unit) -> None:
    """Tell who reported what another one opened a mission for: they may not approve it either."""
    if not joined:
        return
    now = await unit.now()
    for each in joined:
        told = ReporterJoined(**asdict(each), joined_at=now)
        unit.publish(told, tenant=each.tenant_id, correlation_id=each.mission_id)


def principal(message: Received[ErrorDetected] | Received[IntentSubmit], settings: Settings) -> str:
    """Return who answers for a message, and so may not approve what follows."""
    if message.publisher in _ON_BEHALF and message.body.requested_by is not None:
        return message.body.requested_by
    return message.publisher or settings.outside_principal


def written(details: object) -> str | None:
    """Return free-form details as JSON; equal ones are equal texts."""
    return None if details is None else json.dumps(details, sort_keys=True)


async def _look(
    settings: Settings, rules: Rules, messages: Sequence[Received[ErrorDetected]], unit: Unit
) -> tuple[list[Signal], Found]:
    """Shape the signals by the rules in force, and lock the missions that they may be counted on.

    They are shaped by the rules that were in force last time: the same statement says whether they still are.
    """
    told = await _with_beside([_signal(message, settings) for message in messages], messages, unit)
    while True:
        signals = shape(told, rules.playbooks)
        fingerprints = sorted({signal.fingerprint for signal in signals})
        found = await Captures(unit.tx).lock(fingerprints, settings.late_window)
        if found.rules == rules.mark:
            return signals, found
        rules.learn(*await Playbooks(unit.tx).shaping())


async def _with_beside(
    signals: list[Signal], messages: Sequence[Received[ErrorDetected]], unit: Unit
) -> list[Signal]:
    """Add to what opens missions again who asked for those: nobody approves it who could not before."""
    follows = [one.body.follows if one.publisher == _REOPENS else None for one in messages]
    missions = {each for each in follows if each is not None}
    if not missions:
        return signals
    found = await Reporters(unit.tx).requesters(missions)
    return [
        replace(one, beside=tuple(sorted(found[each] - {one.requested_by}))) if each else one
        for one, each in zip(signals, follows, strict=True)
    ]


async def _ripened(settings: Settings, intake: Intake, found: Found, unit: Unit) -> Intake:
    """Leave aside what is too few for a mission; it is remembered, and counts once it is enough."""
    young = _without_mission(intake, found.missions)
    if not young:
        return intake
    windows, fingerprints = Windows(unit.tx), [group.fingerprint for group in young]
    before = await windows.lock(fingerprints)
    # Another replica may have opened one while this one waited for the lock.
    again = await Captures(unit.tx).lock(fingerprints, settings.late_window)
    young = _without_mission(Intake(young, ()), again.missions)
    ripened = {each.fingerprint: _ripen(each, before[each.fingerprint]) for each in young}
    await windows.store(ripened, found.now)
    ripe = (ripened.get(group.fingerprint, group) for group in intake.fresh)
    return replace(intake, fresh=tuple(each for each in ripe if isinstance(each, Group)))


def _ripen(group: Group, window: Window) -> Group | Pending:
    return ripen(group, window.times, window.reports)


def _without_mission(intake: Intake, missions: Sequence[LastMission]) -> tuple[Group, ...]:
    """Return the groups that need to be several, and have no open mission to be counted on."""
    has_one = {mission.fingerprint for mission in missions if mission.closed_at is None}
    return tuple(
        group
        for group in intake.fresh
        if group.first.threshold is not None and group.fingerprint not in has_one
    )


def _samples(intake: Intake, late: Sequence[Mission], at_most: int) -> list[tuple[str, Signal]]:
    echoes = {mission.mission_id: group for mission, group in intake.late}
    return [
        (mission.mission_id, signal)
        for mission in late
        for signal in kept(
            echoes[mission.mission_id], counted=mission.signal_count, at_most=at_most
        )
    ]


def _count(
    messages: Sequence[Received[ErrorDetected]],
    signals: Sequence[Signal],
    intake: Intake,
    ripe: Intake,
    unit: Unit,
) -> None:
    """Count what changed nothing: echoes, ends, and what is too few so far."""
    late = {signal.id for _, group in intake.late for signal in group.signals}
    opened = {group.fingerprint for group in ripe.fresh}
    for message, signal in zip(messages, signals, strict=True):
        if message.id in late:
            unit.count("late", message)
        elif signal.over:
            unit.count("over", message)
        elif signal.fingerprint not in opened:
            unit.count("accumulating", message)


def _signal(message: Received[ErrorDetected], settings: Settings) -> Signal:
    body = message.body
    given = ErrorDetectedSeverity.error
    severity = given if body.severity is ErrorDetectedSeverity.unspecified else body.severity
    # The gateway has cleaned what came through it; from the bus comes what anybody wrote.
    secrets: list[str] = []
    text, details = cleaned(body.message, secrets), cleaned_json(body.details, secrets)
    count_secrets(secrets)
    return Signal(
        id=message.id,
        tenant=message.tenant,
        source=body.source,
        kind=body.kind,
        target=body.target,
        message=plain_text(text),
        severity=severity.value,
        details=bounded(written(details)),
        requested_by=principal(message, settings),
        detected_at=body.detected_at,
        issued_at=_sent_at(message),
        over=bool(body.resolved),
        instance=body.instance,
    )


def _sent_at(message: Received[ErrorDetected]) -> datetime:
    """Return when a report was sent; the id of what may be repeated tells an earlier time."""
    said = message.body.sent_at if message.publisher == "gateway" else None
    return message.issued_at if said is None else max(message.issued_at, said)
