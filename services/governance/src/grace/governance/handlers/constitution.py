"""Whoever grants asks the policies again: what they forbid by now, no approval lifts."""

from collections.abc import Awaitable, Callable
from typing import Any

from grace.contracts.governance import Approval, ApprovalForbidden
from grace.governance.domain.approvals import Request
from grace.governance.domain.ruling import Outcome
from grace.governance.handlers.drafts import told_briefly
from grace.governance.handlers.plans import kept_plan
from grace.governance.handlers.rulings import Judge
from grace.governance.store import Policies, Store, tell
from grace.kit import Called, Forbidden, Runtime, Unit

Ask = Callable[[Called[Any], Unit], Awaitable[Approval]]


class ForbiddenByPolicy(Forbidden):
    """The policies in force forbid this plan by now, and no approval lifts that."""

    def __init__(self, told: ApprovalForbidden, correlation_id: str) -> None:
        super().__init__(f"{type(self).__doc__} {told.reason}")
        self.told = told
        self.correlation_id = correlation_id


async def refuse_forbidden(
    judge: Judge, unit: Unit, request: Request, *, actor: str, break_glass: bool = False
) -> None:
    """Judge what people are about to grant, as it is now. ForbiddenByPolicy where it may not run.

    No policy changes until the grant stands: either it was granted before, or it is refused.
    """
    await Policies(unit.tx).hold()
    contracts = await Store(unit.tx).list_contracts(request.approval_id)
    (judged,) = await judge.judge([kept_plan(request, contracts)], unit)
    if judged.ruling.outcome is not Outcome.REFUSED:
        return
    told = ApprovalForbidden(
        approval_id=request.approval_id,
        mission_id=request.mission_id,
        tenant_id=request.tenant_id,
        actor=actor,
        break_glass=break_glass,
        reason=told_briefly(judged.ruling),
        rules=judged.ruling.rules,
        rulebook_hash=judged.ruling.rulebook_hash,
        forbidden_at=await unit.now(),
    )
    raise ForbiddenByPolicy(told, request.correlation_id)


async def granting(ask: Ask, call: Called[Any], runtime: Runtime) -> Approval:
    """Answer in a transaction; where policies forbid, it changed nothing, and a second one tells."""
    try:
        async with runtime.unit(correlation_id=call.correlation_id) as unit:
            return await ask(call, unit)
    except ForbiddenByPolicy as refusal:
        async with runtime.unit(correlation_id=refusal.correlation_id) as unit:
            await tell(unit, refusal.told, tenant=refusal.told.tenant_id)
        raise
