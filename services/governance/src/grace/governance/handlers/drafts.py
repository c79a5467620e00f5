"""Drafted contracts come in: refused, granted at once, or people are asked."""

from collections.abc import Sequence

from grace.contracts.governance import ApprovalGranted, ApprovalRequested
from grace.contracts.message import ContractError
from grace.contracts.verification import ContractDrafted
from grace.governance.domain.approvals import Request, open_request
from grace.governance.domain.lifecycle import State
from grace.governance.domain.plans import Plan, flaw
from grace.governance.handlers.grants import granted_message
from grace.governance.handlers.plans import plan_of, stored_of
from grace.governance.settings import Settings
from grace.governance.store import Opening, Store, tell
from grace.kit import Received, Unit, new_id

Drafted = Received[ContractDrafted]


async def on_contract_drafted(settings: Settings, messages: Sequence[Drafted], unit: Unit) -> None:
    """Open a request for each plan; what is seen a second time changes nothing."""
    openings = [
        (message, await _opening(settings, message, plan, unit))
        for message in messages
        if (plan := _examined(message, unit)) is not None
    ]
    fresh = await Store(unit.tx).insert_requests([opening for _, opening in openings])
    for message, opening in openings:
        if opening.request.approval_id in fresh:
            await _announce(opening, unit)
        else:
            unit.count("duplicate", message)


def requested_message(request: Request) -> ApprovalRequested:
    """Tell that people are asked."""
    return ApprovalRequested(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        tier=request.tier,
        quorum=request.quorum,
        requested_by=request.requested_by,
        shown_hash=request.shown_hash,
        expires_at=request.expires_at,
    )


def _examined(message: Drafted, unit: Unit) -> Plan | None:
    """Return the plan, or refuse the message with the reason."""
    try:
        plan = plan_of(message.body)
    except ContractError as error:
        unit.refuse(message, reason="contract_unreadable", detail=str(error))
        return None
    if found := flaw(plan):
        unit.refuse(message, reason=found, detail=f"mission {plan.mission_id}")
        return None
    return plan


async def _opening(settings: Settings, message: Drafted, plan: Plan, unit: Unit) -> Opening:
    request = open_request(
        plan,
        f"approval-{new_id()}",
        correlation_id=message.correlation_id,
        now=await unit.now(),
        ttl=settings.approval_ttl,
    )
    return Opening(
        request=request,
        event_id=message.id,
        contracts=[stored_of(contract) for contract in message.body.contracts],
        granted=_granted_at_once(settings, request, plan, unit),
    )


def _granted_at_once(settings: Settings, request: Request, plan: Plan, unit: Unit) -> str | None:
    if request.status is not State.GRANTED:
        return None
    granted = granted_message(
        request,
        plan.drafts,
        decided_by=(),
        at=request.requested_at,
        lifetimes=settings.lifetimes,
        keys=unit.runtime.keys,
    )
    return granted.to_bytes().decode()


async def _announce(opening: Opening, unit: Unit) -> None:
    """What needs nobody is granted without a word to people."""
    request = opening.request
    if opening.granted:
        granted = ApprovalGranted.from_bytes(opening.granted.encode())
        unit.publish(granted, tenant=request.tenant_id, correlation_id=request.correlation_id)
        return
    asked = requested_message(request)
    await tell(unit, asked, tenant=request.tenant_id, correlation_id=request.correlation_id)
