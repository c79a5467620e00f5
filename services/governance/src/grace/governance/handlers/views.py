"""Approvals as people read them, and decisions said again to whom missed them."""

from collections.abc import Sequence
from dataclasses import asdict

from grace.contracts.governance import (
    Approval,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRejected,
    Approvals,
    ApprovalVoted,
    GetApproval,
    ListApprovals,
    RecallDecision,
    RecalledDecision,
)
from grace.contracts.governance import Delegation as DelegationView
from grace.contracts.governance import Vote as VoteView
from grace.governance.domain.approvals import Request
from grace.governance.domain.lifecycle import State
from grace.governance.domain.quorum import Counted, Vote
from grace.governance.handlers.drafts import requested_message
from grace.governance.store import Electorates, Store, Surroundings, Which
from grace.kit import Called, Invalid, NotFound, Runtime, Transaction, Unit

# A page travels in one message of at most 1 MiB; without contracts this many always fit.
LONGEST_PAGE = 100


class UnknownApproval(NotFound):
    """No such approval."""


class UnknownStatus(Invalid):
    """A status is pending, granted, rejected or expired."""


async def on_get_approval(call: Called[GetApproval], unit: Unit) -> Approval:
    """Answer with everything approvers must read."""
    return await shown(unit.tx, call.body.tenant_id, call.body.approval_id)


async def on_list_approvals(call: Called[ListApprovals], runtime: Runtime) -> Approvals:
    """Answer with a page, newest first; the contracts are left to `rpc.governance.approval`."""
    body = call.body
    which = Which(_status(body.status), body.mission_id, body.tier, body.requested_by)
    async with runtime.reading() as tx:
        store = Store(tx)
        requests = await store.list_requests(
            body.tenant_id, which, before=body.before, limit=min(body.limit, LONGEST_PAGE)
        )
        if not requests:  # mostly nothing waits for anybody
            return Approvals(approvals=())
        votes = await store.list_votes([request.approval_id for request in requests])
        around = await Electorates(tx).around(requests)
    return Approvals(
        approvals=tuple(
            _view(each, votes[each.approval_id], around[each.approval_id]) for each in requests
        )
    )


async def on_recall_decision(call: Called[RecallDecision], unit: Unit) -> RecalledDecision:
    """Say again how the newest request of a mission stands; empty where there is none."""
    found = await Store(unit.tx).latest_of_mission(call.body.mission_id)
    if found is None:
        return RecalledDecision()
    request, granted = found
    return RecalledDecision(
        requested=requested_message(request) if request.quorum else None,
        granted=ApprovalGranted.from_bytes(granted.encode()) if granted else None,
        rejected=_rejected_again(request),
        expired=_expired_again(request),
    )


async def shown(tx: Transaction, tenant_id: str, approval_id: str) -> Approval:
    """Return an approval with the contracts that it is for. UnknownApproval where there is none."""
    store = Store(tx)
    request = await store.find_request(tenant_id, approval_id)
    if request is None:
        raise UnknownApproval
    votes = await store.list_votes([approval_id])
    contracts = await store.list_contracts(approval_id)
    texts = [contract.contract.decode() for contract in contracts]
    around = await Electorates(tx).around([request])
    return _view(request, votes[approval_id], around[approval_id], texts)


def voted_message(request: Request, vote: Vote, counted: Counted) -> ApprovalVoted:
    """Tell that somebody approved, and that more are needed."""
    return ApprovalVoted(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        principal=vote.principal,
        seat=counted.seat,
        choice=vote.choice,
        approvals=counted.approvals,
        quorum=request.quorum,
        version=request.version + 1,
        shown_hash=request.shown_hash,
        reason=vote.reason,
        voted_at=vote.at,
    )


def rejected_message(
    request: Request, decided_by: Sequence[str], reason: str | None
) -> ApprovalRejected:
    """Tell that a plan may not run."""
    return ApprovalRejected(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        decided_by=tuple(decided_by),
        reason=reason or "",
    )


def _rejected_again(request: Request) -> ApprovalRejected | None:
    if request.status is not State.REJECTED:
        return None
    return rejected_message(request, request.decided_by, request.reason)


def _expired_again(request: Request) -> ApprovalExpired | None:
    if request.status is not State.EXPIRED or request.decided_at is None:
        return None
    return ApprovalExpired(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        expired_at=request.decided_at,
    )


def _view(
    request: Request,
    votes: Sequence[Vote],
    around: Surroundings,
    contracts: Sequence[str] = (),
) -> Approval:
    return Approval(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        status=request.status,
        version=request.version,
        tier=request.tier,
        quorum=request.quorum,
        requested_by=request.requested_by,
        shown_hash=request.shown_hash,
        playbook=request.playbook,
        contracts=tuple(contracts),
        votes=tuple(_vote_view(vote) for vote in votes),
        requested_at=request.requested_at,
        expires_at=request.expires_at,
        decided_at=request.decided_at,
        joined_by=around.joined_by,
        delegations=tuple(DelegationView(**asdict(each)) for each in around.delegations),
        review_id=around.review_id,
        reminders=around.reminders,
        escalated_to=around.escalated_to,
    )


def _vote_view(vote: Vote) -> VoteView:
    return VoteView(
        principal=vote.principal,
        choice=vote.choice,
        at=vote.at,
        reason=vote.reason,
        seat=vote.seat,
    )


def _status(word: str | None) -> State | None:
    if word is None:
        return None
    if word not in {*State}:
        raise UnknownStatus
    return State(word)
