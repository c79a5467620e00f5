"""A decision becomes capabilities: signed permissions that a worker can check alone."""

from collections.abc import Sequence
from datetime import datetime

from grace.contracts.governance import ApprovalGranted, Capability, CapabilityBody, Grant
from grace.governance.domain.approvals import Request
from grace.governance.domain.permissions import Lifetimes, Permission, Step, permissions
from grace.governance.domain.plans import Draft
from grace.kit import Keys, new_id

CAPABILITY = "grace/capability/v1"


def granted_message(
    request: Request,
    drafts: Sequence[Draft],
    *,
    decided_by: Sequence[str],
    at: datetime,
    lifetimes: Lifetimes,
    keys: Keys,
    break_glass: bool | None = None,
) -> ApprovalGranted:
    """Tell that a plan may run, with one grant for each action in its order."""
    return ApprovalGranted(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        plan_hash=request.plan_hash,
        decided_by=tuple(decided_by),
        grants=tuple(_grant(draft, drafts, at, lifetimes, keys) for draft in drafts),
        granted_at=at,
        break_glass=break_glass,
    )


def _grant(
    draft: Draft, plan: Sequence[Draft], at: datetime, lifetimes: Lifetimes, keys: Keys
) -> Grant:
    signed = {
        permission.step: _capability(permission, keys)
        for permission in permissions(draft, plan, granted_at=at, lifetimes=lifetimes)
    }
    return Grant(
        action_id=draft.action_id,
        contract_id=draft.contract_id,
        contract_hash=draft.contract_hash,
        apply=signed[Step.APPLY],
        revert=signed.get(Step.REVERT),
    )


def _capability(permission: Permission, keys: Keys) -> Capability:
    body = _body(permission).to_bytes()
    return Capability(key_id=keys.key_id, body=body, signature=keys.sign(CAPABILITY, body))


def _body(permission: Permission) -> CapabilityBody:
    draft, written = permission.draft, permission.draft.written
    return CapabilityBody(
        capability_id=f"capability-{new_id()}",
        mission_id=written.mission_id,
        contract_id=draft.contract_id,
        action_id=draft.action_id,
        step=permission.step,
        contract_hash=draft.contract_hash,
        params_hash=written.params_hash,
        operation=written.operation,
        target=written.target,
        tenant_id=written.tenant_id,
        not_after=permission.not_after,
        target_definition=written.definition,
    )
