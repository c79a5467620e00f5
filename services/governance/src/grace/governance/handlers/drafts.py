"""Drafted contracts come in: refused, granted at once, or people are asked."""

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from grace.contracts.governance import ApprovalGranted, ApprovalRejected, ApprovalRequested
from grace.contracts.message import ContractError
from grace.contracts.verification import ContractDrafted
from grace.governance.domain.approvals import Request, open_request
from grace.governance.domain.lifecycle import State
from grace.governance.domain.plans import Plan, flaw
from grace.governance.domain.ruling import Judged, Outcome, Ruling
from grace.governance.handlers.grants import granted_message
from grace.governance.handlers.plans import plan_of, stored_of
from grace.governance.handlers.rulings import Judge, targets_of
from grace.governance.settings import Settings
from grace.governance.store import Opening, Recorded, Rulings, Spent, Store, Trusts, Turns, tell
from grace.kit import Received, Unavailable, Unit, new_id


class BudgetMoved(Unavailable):
    """A standing approval or a target's budget carries it no more; the plan is judged again."""


Drafted = Received[ContractDrafted]

# Of the 4096 characters that a text may have on the wire.
_LONGEST_REASON = 2000


async def on_contract_drafted(
    settings: Settings, judge: Judge, messages: Sequence[Drafted], unit: Unit
) -> None:
    """Open a request for each plan; what is seen a second time changes nothing."""
    examined = [
        (message, plan) for message in messages if (plan := _examined(message, unit)) is not None
    ]
    judged = await judge.judge([plan for _, plan in examined], unit)
    openings = [
        (message, await _opening(settings, message, plan, each, unit))
        for (message, plan), each in zip(examined, judged, strict=True)
    ]
    fresh = await Store(unit.tx).insert_requests([opening for _, opening in openings])
    for message, opening in openings:
        if opening.request.approval_id in fresh:
            await _announce(opening, unit)
        else:
            unit.count("duplicate", message)
    new = [opening for _, opening in openings if opening.request.approval_id in fresh]
    await _spend(new, Trusts(unit.tx))
    await _take_turns(settings, new, unit)
    await Rulings(unit.tx).insert([_recorded(opening) for opening in new])


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


async def _opening(
    settings: Settings, message: Drafted, plan: Plan, judged: Judged, unit: Unit
) -> Opening:
    request = open_request(
        plan,
        f"approval-{new_id()}",
        ruling=judged.ruling,
        correlation_id=message.correlation_id,
        now=await unit.now(),
        ttl=settings.approval_ttl,
    )
    return Opening(
        request=request,
        event_id=message.id,
        contracts=[stored_of(contract) for contract in message.body.contracts],
        granted=_granted_at_once(settings, request, plan, judged.ruling, unit),
        judged=judged,
    )


def _granted_at_once(
    settings: Settings, request: Request, plan: Plan, ruling: Ruling, unit: Unit
) -> str | None:
    if request.status is not State.GRANTED:
        return None
    granted = granted_message(
        request,
        plan.drafts,
        decided_by=(),
        at=request.requested_at,
        lifetimes=settings.lifetimes,
        keys=unit.runtime.keys,
    ).model_copy(update={"because": told_briefly(ruling)})
    return granted.to_bytes().decode()


async def _spend(granted: Sequence[Opening], store: Trusts) -> None:
    """Take what plans rely on from people's standing approvals, or grant none of them."""
    for opening in granted:
        request = opening.request
        for trust, changes in opening.judged.relied_on:
            spent = Spent(request.approval_id, trust, changes, request.requested_at)
            if not await store.spend(spent):
                raise BudgetMoved


async def _take_turns(settings: Settings, openings: Sequence[Opening], unit: Unit) -> None:
    """Count what runs without people on each of its targets, or grant none of it."""
    taken: Counter[str] = Counter()
    for opening in openings:
        if opening.judged.ruling.outcome is Outcome.GRANTED:
            taken.update(targets_of(opening.judged.facts))
    if not taken:
        return
    now = await unit.now()
    if not await Turns(unit.tx).take(
        taken, budget=settings.target_budget, since=now - settings.change_window, now=now
    ):
        raise BudgetMoved


def _recorded(opening: Opening) -> Recorded:
    request = opening.request
    return Recorded(
        approval_id=request.approval_id,
        tenant_id=request.tenant_id,
        mission_id=request.mission_id,
        ruled_at=request.requested_at,
        judged=opening.judged,
    )


async def _announce(opening: Opening, unit: Unit) -> None:
    """What needs nobody is granted without a word to people."""
    message, tenant = _message(opening), opening.request.tenant_id
    correlation_id = opening.request.correlation_id
    if isinstance(message, ApprovalGranted):
        unit.publish(message, tenant=tenant, correlation_id=correlation_id)
    else:
        await tell(unit, message, tenant=tenant, correlation_id=correlation_id)


def _message(opening: Opening) -> ApprovalGranted | ApprovalRejected | ApprovalRequested:
    request, ruling = opening.request, opening.judged.ruling
    match ruling.outcome:
        case Outcome.GRANTED:
            return ApprovalGranted.from_bytes((opening.granted or "").encode())
        case Outcome.REFUSED:
            return ApprovalRejected(
                approval_id=request.approval_id,
                mission_id=request.mission_id,
                tenant_id=request.tenant_id,
                decided_by=(),
                reason=told_briefly(ruling),
            )
        case Outcome.ASKED:
            because = {"because": told_briefly(ruling)}
            return requested_message(request).model_copy(update=because)
        case other:
            assert_never(other)


def told_briefly(ruling: Ruling) -> str:
    """What decided, in one line that fits beside other facts."""
    return "; ".join(ruling.because)[:_LONGEST_REASON]
