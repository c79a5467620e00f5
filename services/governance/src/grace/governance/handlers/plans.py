"""Contracts as bytes become a plan that the domain can judge."""

from collections.abc import Sequence
from datetime import timedelta

from grace.contracts.intent import PlannedAction, PlannedMeasure
from grace.contracts.verification import Contract, ContractDrafted, DraftContract
from grace.governance.domain.approvals import Request
from grace.governance.domain.plans import Draft, Plan, Written
from grace.governance.store import StoredContract

# A contract may say anything: nothing that verification drafts takes longer (an hour of measures).
_LONGEST_MS = 2 * 60 * 60 * 1000


def plan_of(body: ContractDrafted) -> Plan:
    """Read a drafted plan. ContractError where a contract cannot be read."""
    return Plan(
        mission_id=body.mission_id,
        tenant_id=body.tenant_id,
        plan_hash=body.plan_hash,
        playbook=body.playbook,
        requested_by=body.requested_by,
        drafts=tuple(draft_of(stored_of(contract)) for contract in body.contracts),
    )


def kept_plan(request: Request, contracts: Sequence[StoredContract]) -> Plan:
    """The plan of a request, out of the very contracts that its approvers are shown."""
    return Plan(
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        plan_hash=request.plan_hash,
        playbook=request.playbook,
        requested_by=request.requested_by,
        drafts=tuple(draft_of(contract) for contract in contracts),
    )


def stored_of(contract: DraftContract) -> StoredContract:
    """Return a contract as it is kept."""
    return StoredContract(
        contract_id=contract.contract_id,
        action_id=contract.action_id,
        contract_hash=contract.contract_hash,
        contract=contract.contract,
    )


def draft_of(stored: StoredContract) -> Draft:
    """Read a kept contract. ContractError where its bytes are none."""
    return Draft(
        contract_id=stored.contract_id,
        action_id=stored.action_id,
        contract_hash=stored.contract_hash,
        contract=stored.contract,
        written=_written(Contract.from_bytes(stored.contract)),
    )


def _written(contract: Contract) -> Written:
    action = contract.action
    return Written(
        contract_id=contract.contract_id,
        action_id=action.action_id,
        mission_id=contract.mission_id,
        tenant_id=contract.tenant_id,
        plan_hash=contract.plan_hash,
        playbook=contract.playbook,
        requested_by=contract.requested_by,
        operation=action.operation,
        target=action.target,
        params=action.params,
        params_hash=action.params_hash,
        tier=action.tier,
        reversible=action.reversible,
        kernel=action.kernel,
        environment=action.environment,
        definition=next(
            (each.sha256 for each in action.definitions if each.target == action.target), None
        ),
        sequence=action.sequence,
        settles_in=_settles_in(action),
    )


def _settles_in(action: PlannedAction) -> timedelta:
    takes = (_last_take_ms(measure) for measure in action.measures)
    measured = max(action.measurement.timeout_ms, *takes, 0)
    return timedelta(milliseconds=min(action.timeout_ms + measured, _LONGEST_MS))


def _last_take_ms(measure: PlannedMeasure) -> int:
    between = (measure.count - 1) * (measure.interval_ms or 0)
    return (measure.warmup_ms or 0) + between + measure.measurement.timeout_ms
