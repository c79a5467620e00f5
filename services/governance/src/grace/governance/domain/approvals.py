"""The request for an approval, as a fact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from grace.governance.domain.lifecycle import State
from grace.governance.domain.plans import Plan, shown_hash
from grace.governance.domain.ruling import Outcome, Ruling
from grace.governance.domain.tiers import Tier

_STATUS: Mapping[Outcome, State] = {
    Outcome.GRANTED: State.GRANTED,
    Outcome.ASKED: State.PENDING,
    Outcome.REFUSED: State.REJECTED,
}


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
    plan: Plan,
    approval_id: str,
    *,
    ruling: Ruling,
    correlation_id: str,
    now: datetime,
    ttl: timedelta,
) -> Request:
    """A plan without flaw asks for approval, unless the policies decided on it at once."""
    status = _STATUS[ruling.outcome]
    return Request(
        approval_id=approval_id,
        tenant_id=plan.tenant_id,
        mission_id=plan.mission_id,
        plan_hash=plan.plan_hash,
        shown_hash=shown_hash(draft.contract_hash for draft in plan.drafts),
        playbook=plan.playbook,
        requested_by=plan.requested_by,
        correlation_id=correlation_id,
        tier=ruling.tier,
        quorum=ruling.quorum,
        status=status,
        version=1,
        requested_at=now,
        expires_at=now + ttl,
        decided_at=None if status is State.PENDING else now,
        reason="; ".join(ruling.because) if ruling.outcome is Outcome.REFUSED else None,
    )
