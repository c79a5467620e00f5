"""Writes a plan down: what was decided, as the message that travels and is stored."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from grace.contracts import intent as wire
from grace.intent.domain.consideration import Considered
from grace.intent.domain.mission import Mission
from grace.intent.domain.planning import Ready, ReadyStep
from grace.intent.planner.measures import expectation_on_wire, measure_on_wire
from grace.kit import new_id

_MOST_NAMED = 10  # a plan travels to everybody; the mission keeps more


def document(
    mission: Mission, ready: Ready, now: datetime, looked_at: Sequence[Considered]
) -> wire.Plan:
    """Return the plan; its bytes never change."""
    actions = [_action(ready.target, place, step) for place, step in enumerate(ready.steps)]
    return wire.Plan(
        mission_id=mission.mission_id,
        tenant_id=mission.tenant_id,
        playbook=ready.playbook.name,
        playbook_version=ready.playbook.version,
        kind=mission.kind,
        target=ready.target,
        requested_by=mission.requested_by,
        planned_at=now,
        detected_at=mission.detected_at,
        actions=tuple(actions),
        considered=tuple(
            wire.Considered(playbook=each.playbook, chosen=each.chosen, reason=each.reason)
            for each in looked_at[:_MOST_NAMED]
        ),
        severity=mission.severity,
    )


def _action(target: str, place: int, ready: ReadyStep) -> wire.PlannedAction:
    call = ready.step.action
    return wire.PlannedAction(
        action_id=f"action-{new_id()}",
        sequence=place,
        operation=call.operation,
        kernel=ready.action.kernel,
        target=target,
        params=call.params,
        params_hash=sha256(call.params.encode()).hexdigest(),
        tier=ready.action.tier,
        reversible=ready.action.reversible,
        timeout_ms=ready.action.timeout_ms,
        expectations=tuple(map(expectation_on_wire, ready.step.expectations)),
        measurement=_measurement(target, ready),
        measures=tuple(
            measure_on_wire(measure, target, answer.timeout_ms)
            for measure, answer in zip(ready.step.measures, ready.measures, strict=True)
        ),
        environment=ready.action.environment,
        definitions=_definitions(target, ready),
    )


def _definitions(target: str, ready: ReadyStep) -> tuple[wire.TargetDefinition, ...]:
    """Return what the targets stand for, so that nobody acts or measures elsewhere later."""
    known = {target: ready.action.definition} | {
        measure.place or target: answer.definition
        for measure, answer in zip(ready.step.measures, ready.measures, strict=True)
        if answer.definition is not None
    }
    return tuple(
        wire.TargetDefinition(target=name, sha256=found) for name, found in known.items() if found
    )


def _measurement(target: str, ready: ReadyStep) -> wire.Measurement:
    return wire.Measurement(
        operation=ready.step.measurement.operation,
        target=target,
        params=ready.step.measurement.params,
        timeout_ms=ready.measurement.timeout_ms,
    )
