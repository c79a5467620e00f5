"""Wanted tasks as orders to htm: the bytes that are stored, and submitted again after a crash."""

from datetime import datetime, timedelta

from grace.contracts.governance import Capability, CapabilityBody
from grace.contracts.htm import TaskSpec
from grace.verification.domain.task import Mode, Wanted
from grace.verification.settings import Settings
from grace.verification.store import Case

# What is charged for a task (REQUIREMENTS R3-11): intent for what it has planned, to the measurement that
# decides; verification for what it measures by itself.
PLANNED, OWN = "intent", "verification"
# What undoes harm goes first, then what decides whether there is any.
_PRIORITIES = {Mode.APPLY: 0, Mode.OBSERVE: 5, Mode.REVERT: 10}
# On top of that, how urgent the incident is: an intent of priority `normal` is a warning.
_URGENCIES = {"info": -10, "warning": 0, "error": 10, "critical": 20}


def contract_order(settings: Settings, wanted: Wanted, case: Case) -> TaskSpec:
    """Return a contract's task, with the permission that its step needs."""
    contract = case.contract
    return _order(settings, wanted, contract.tenant_id).model_copy(
        update={
            "origin": PLANNED,
            "action_id": contract.action.action_id,
            "contract_id": contract.contract_id,
            "mission_id": contract.mission_id,
            "capability": _capability(wanted.mode, case),
            "target_definition": contract.action.definition_of(wanted.target),
            "priority": _PRIORITIES[wanted.mode] + _URGENCIES.get(contract.severity or "", 0),
        }
    )


def baseline_order(
    settings: Settings, wanted: Wanted, tenant_id: str, *, definition: str | None = None
) -> TaskSpec:
    """Return the task of a baseline, or of what is held against one: it belongs to no contract."""
    order = _order(settings, wanted, tenant_id)
    return order.model_copy(update={"target_definition": definition}) if definition else order


def placed_order(task_spec: bytes, definition: str) -> bytes:
    """Return a stored order that says what its target must stand for."""
    order = TaskSpec.from_bytes(task_spec)
    return order.model_copy(update={"target_definition": definition}).to_bytes()


def revert_until(case: Case) -> datetime | None:
    """Return when the permission to undo a contract's action ends; None where there is none."""
    found = _capability(Mode.REVERT, case)
    return CapabilityBody.from_bytes(found.body).not_after if found is not None else None


def _order(settings: Settings, wanted: Wanted, tenant_id: str) -> TaskSpec:
    return TaskSpec(
        key=wanted.key,
        type=f"{wanted.operation}.{wanted.mode}",
        kernel=wanted.kernel,
        origin=OWN,
        operation=wanted.operation,
        step=wanted.mode,
        target=wanted.target,
        params=wanted.params,
        priority=_PRIORITIES[wanted.mode],
        timeout_ms=wanted.timeout_ms,
        max_attempts=settings.task_attempts,
        sla_ms=_milliseconds(_within(settings, wanted.mode)),
        tenant_id=tenant_id,
        before=wanted.before,
        after=wanted.after,
    )


def _within(settings: Settings, mode: Mode) -> timedelta:
    match mode:
        case Mode.APPLY:
            return settings.apply_within
        case Mode.OBSERVE:
            return settings.measure_within
        case Mode.REVERT:
            return settings.revert_within


def _milliseconds(duration: timedelta) -> int:
    return max(1, int(duration / timedelta(milliseconds=1)))


def _capability(mode: Mode, case: Case) -> Capability | None:
    data = {Mode.APPLY: case.apply_capability, Mode.REVERT: case.revert_capability}.get(mode)
    return Capability.from_bytes(data) if data is not None else None
