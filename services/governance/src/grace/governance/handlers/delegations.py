"""A person lets another decide in their place, on one approval."""

from collections.abc import Mapping

from grace.contracts.governance import Approval, ApprovalDelegated, Delegate
from grace.governance.domain.delegation import Flaw, refusal
from grace.governance.domain.electorate import Delegation, person
from grace.governance.domain.quorum import Refusal
from grace.governance.handlers.ballots import REFUSALS, open_case
from grace.governance.handlers.views import shown
from grace.governance.store import Electorates, tell
from grace.kit import Called, Conflict, Forbidden, GraceError, Invalid, Unit


class NoReason(Invalid):
    """Say why: what is delegated is shown to everybody who decides."""


class ToOneself(Invalid):
    """A delegation names somebody else."""


class ToRequester(Forbidden):
    """Who asked for a plan may not decide on it, in nobody's place."""


class NoTime(Invalid):
    """A delegation ends later than now, and at the latest when the approval expires."""


class DelegatedTwice(Conflict):
    """You have delegated this approval already; that has to end first."""


class DelegationChain(Conflict):
    """One step only: who decides in another's place delegates nothing, and who has delegated is lent nothing."""


_FLAWS: Mapping[Flaw, type[GraceError]] = {
    Flaw.TO_ONESELF: ToOneself,
    Flaw.TO_REQUESTER: ToRequester,
    Flaw.NO_TIME: NoTime,
    Flaw.TOO_LONG: NoTime,
    Flaw.TWICE: DelegatedTwice,
    Flaw.CHAIN: DelegationChain,
}


async def on_delegate(call: Called[Delegate], unit: Unit) -> Approval:
    """Keep a delegation, tell of it and answer where the approval stands."""
    body = call.body
    if not body.reason.strip():
        raise NoReason
    case = await open_case(unit, body.tenant_id, body.approval_id)
    wanted = Delegation(
        delegated_by=person(body.principal),
        delegated_to=person(body.delegated_to),
        delegated_at=case.now,
        ends_at=body.ends_at,
        reason=body.reason,
    )
    match refusal(case.request, case.electorate, wanted, now=case.now):
        case None:
            await Electorates(unit.tx).delegate(body.approval_id, wanted)
            await _announce(
                unit, body, case.request.mission_id, wanted, case.request.correlation_id
            )
        case Flaw() as flaw:
            raise _FLAWS[flaw]
        case Refusal() as reason:
            raise REFUSALS[reason]
    return await shown(unit.tx, body.tenant_id, body.approval_id)


async def _announce(
    unit: Unit, body: Delegate, mission_id: str, wanted: Delegation, correlation_id: str
) -> None:
    told = ApprovalDelegated(
        approval_id=body.approval_id,
        mission_id=mission_id,
        tenant_id=body.tenant_id,
        delegated_by=wanted.delegated_by,
        delegated_to=wanted.delegated_to,
        ends_at=wanted.ends_at,
        reason=wanted.reason,
    )
    await tell(unit, told, tenant=body.tenant_id, correlation_id=correlation_id)
