"""Wire bytes to domain objects and back: what is stored as bytes is read here and nowhere else."""

from grace.contracts import htm as wire_htm
from grace.contracts import intent as wire_intent
from grace.contracts import verification as wire
from grace.verification.domain.contract import Action, Baseline, Contract, Plan
from grace.verification.domain.state import large_text
from grace.verification.domain.task import Attempt, Outcome, Report
from grace.verification.store.measures import (
    baselines_of,
    baselines_on_wire,
    expectation_of,
    expectation_on_wire,
    measure_of,
    measure_on_wire,
    measurement_of,
    measurement_on_wire,
    values_on_wire,
)

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def plan_of(plan: wire_intent.Plan) -> Plan:
    """Return a plan as the domain knows it."""
    return Plan(
        mission_id=plan.mission_id,
        tenant_id=plan.tenant_id,
        playbook=plan.playbook,
        playbook_version=plan.playbook_version,
        kind=plan.kind,
        target=plan.target,
        requested_by=plan.requested_by,
        detected_at=plan.detected_at,
        actions=tuple(_action_of(action) for action in plan.actions),
        severity=plan.severity,
    )


def contract_bytes(contract: Contract) -> bytes:
    """Return the bytes that a contract is, from now on."""
    baseline = contract.baseline
    return wire.Contract(
        contract_id=contract.contract_id,
        mission_id=contract.mission_id,
        tenant_id=contract.tenant_id,
        plan_hash=contract.plan_hash,
        playbook=contract.playbook,
        playbook_version=contract.playbook_version,
        requested_by=contract.requested_by,
        action=action_on_wire(contract.action),
        baseline=values_on_wire(baseline.values) if baseline else (),
        baseline_id=baseline.baseline_id if baseline else None,
        baseline_measured_at=baseline.measured_at if baseline else None,
        drafted_at=contract.drafted_at,
        revision=contract.revision,
        baselines=baselines_on_wire(contract.baselines),
        severity=contract.severity,
    ).to_bytes()


def contract_of(data: bytes) -> Contract:
    """Return the contract that stored bytes are."""
    found = wire.Contract.from_bytes(data)
    return Contract(
        contract_id=found.contract_id,
        mission_id=found.mission_id,
        tenant_id=found.tenant_id,
        plan_hash=found.plan_hash,
        playbook=found.playbook,
        playbook_version=found.playbook_version,
        requested_by=found.requested_by,
        action=_action_of(found.action),
        baseline=_baseline_of(found),
        drafted_at=found.drafted_at,
        revision=found.revision,
        baselines=baselines_of(found.baselines),
        severity=found.severity,
    )


def report_of(task: wire_htm.Task) -> Report:
    """Return what htm says about a task; a state that is not known here is not an end."""
    return Report(
        outcome=_OUTCOMES.get(task.status, Outcome.PENDING),
        attempt_number=task.attempt_number,
        attempts=tuple(Attempt(each.outcome, each.error_message) for each in task.attempts),
        error=task.error_message,
        error_class=task.error_class,
        result=task.result_json,
        finished_at=task.finished_at,
        reference=_reference_to(task.result_sha256, task.result_size_bytes),
    )


def _reference_to(sha256: str | None, size: int | None) -> str | None:
    return large_text(sha256, size) if sha256 is not None and size is not None else None


def _baseline_of(found: wire.Contract) -> Baseline | None:
    if found.baseline_id is None or found.baseline_measured_at is None:
        return None
    values = {each.field: each.value for each in found.baseline}
    return Baseline(found.baseline_id, values, found.baseline_measured_at)


def _action_of(action: wire_intent.PlannedAction) -> Action:
    return Action(
        action_id=action.action_id,
        sequence=action.sequence,
        operation=action.operation,
        kernel=action.kernel,
        target=action.target,
        params=action.params,
        params_hash=action.params_hash,
        tier=action.tier,
        reversible=action.reversible,
        timeout_ms=action.timeout_ms,
        expectations=tuple(map(expectation_of, action.expectations)),
        measurement=measurement_of(action.measurement),
        measures=tuple(map(measure_of, action.measures)),
        environment=action.environment,
        definitions=tuple((each.target, each.sha256) for each in action.definitions),
    )


def action_on_wire(action: Action) -> wire_intent.PlannedAction:
    """Return an action as it travels."""
    return wire_intent.PlannedAction(
        action_id=action.action_id,
        sequence=action.sequence,
        operation=action.operation,
        kernel=action.kernel,
        target=action.target,
        params=action.params,
        params_hash=action.params_hash,
        tier=action.tier,
        reversible=action.reversible,
        timeout_ms=action.timeout_ms,
        expectations=tuple(map(expectation_on_wire, action.expectations)),
        measurement=measurement_on_wire(action.measurement),
        measures=tuple(map(measure_on_wire, action.measures)),
        environment=action.environment,
        definitions=tuple(
            wire_intent.TargetDefinition(target=target, sha256=sha256)
            for target, sha256 in action.definitions
        ),
    )
