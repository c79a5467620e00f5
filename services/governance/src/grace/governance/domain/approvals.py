"""The request for an approval, as a fact."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.governance.domain.lifecycle import State
from grace.governance.domain.plans import Plan, shown_hash, tier_of
from grace.governance.domain.tiers import Tier, approvers_needed


@dataclass(frozen=True, slots=True)
class Request:
    """One plan and where its permission stands."""

    approval_id: str
    tenant_id: str
    mission_id: str
    plan_hash: str
    shown_hash: str
    playbook: str
    requested_by: str
    correlation_id: str
    tier: Tier
    quorum: int
    status: State
    version: int
    requested_at: datetime
    expires_at: datetime
    decided_at: datetime | None = None
    decided_by: tuple[str, ...] = ()
    reason: str | None = None


def open_request(
    plan: Plan, approval_id: str, *, correlation_id: str, now: datetime, ttl: timedelta
) -> Request:
    """A plan without flaw asks for approval; where nobody is needed it is granted at once."""
    tier = tier_of(plan)
    quorum = approvers_needed(tier)
    return Request(
        approval_id=approval_id,
        tenant_id=plan.tenant_id,
        mission_id=plan.mission_id,
        plan_hash=plan.plan_hash,
        shown_hash=shown_hash(draft.contract_hash for draft in plan.drafts),
        playbook=plan.playbook,
        requested_by=plan.requested_by,
        correlation_id=correlation_id,
        tier=tier,
        quorum=quorum,
        status=State.PENDING if quorum else State.GRANTED,
        version=1,
        requested_at=now,
        expires_at=now + ttl,
        decided_at=None if quorum else now,
    )
