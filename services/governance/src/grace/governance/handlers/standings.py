"""People give playbooks their word for so many changes, and take it back."""

from dataclasses import replace
from datetime import datetime, timedelta

from grace.contracts.governance import (
    GiveStandingApproval,
    ListStandingApprovals,
    RevokeStandingApproval,
    StandingApproval,
    StandingApprovalChanged,
    StandingApprovals,
)
from grace.governance.domain.autonomy import Key
from grace.governance.domain.budgets import Trust
from grace.governance.settings import Settings
from grace.governance.store import Trusts
from grace.kit import Called, Forbidden, Invalid, NotFound, Unit

_LARGEST_PAGE = 100


class UnknownStanding(NotFound):
    """There is no such standing approval."""


class NoApprover(Forbidden):
    """Only approvers give their word, and you have no seat among them."""


class TooLong(Invalid):
    """A standing approval holds for a shorter time."""


async def on_give_standing_approval(
    settings: Settings, call: Called[GiveStandingApproval], unit: Unit
) -> StandingApproval:
    """Keep a person's word; it carries changes once the playbook stands at `auto`.

    A repeat finds what the first gave.
    """
    body, now, standing_id = call.body, await unit.now(), f"standing-{call.id}"
    await unit.wait_turn(call.id)
    if (before := await Trusts(unit.tx).find(body.tenant_id, standing_id)) is not None:
        return _view(before, now)
    lifetime = timedelta(seconds=body.lifetime_s)
    if not await Trusts(unit.tx).is_approver(body.tenant_id, body.principal):
        raise NoApprover
    if lifetime > settings.longest_standing:
        raise TooLong(f"A standing approval holds at most {settings.longest_standing.days} days.")
    trust = Trust(
        standing_id=standing_id,
        key=Key(body.tenant_id, body.playbook, body.target_class),
        given_by=body.principal,
        given_at=now,
        expires_at=now + lifetime,
        budget=body.budget,
        used=0,
        reason=body.reason,
    )
    await Trusts(unit.tx).insert(trust)
    _tell(trust, "open", body.principal, unit)
    return _view(trust, now)


async def on_revoke_standing_approval(
    call: Called[RevokeStandingApproval], unit: Unit
) -> StandingApproval:
    """Take a person's word back; what was granted by it goes on. Twice is the same answer."""
    body, store, now = call.body, Trusts(unit.tx), await unit.now()
    revoked = await store.revoke(body.tenant_id, body.standing_id, by=body.principal, now=now)
    found = await store.find(body.tenant_id, body.standing_id)
    if found is None:
        raise UnknownStanding
    if revoked:
        _tell(replace(found, reason=body.reason or ""), "revoked", body.principal, unit)
    return _view(found, now)


async def on_list_standing_approvals(
    call: Called[ListStandingApprovals], unit: Unit
) -> StandingApprovals:
    """Answer with a page of the tenant's, newest first."""
    body, now = call.body, await unit.now()
    found = await Trusts(unit.tx).page(
        body.tenant_id, before=body.before, limit=min(body.limit, _LARGEST_PAGE)
    )
    return StandingApprovals(standing_approvals=tuple(_view(each, now) for each in found))


def _tell(trust: Trust, status: str, actor: str, unit: Unit) -> None:
    unit.publish(
        StandingApprovalChanged(
            standing_id=trust.standing_id,
            tenant_id=trust.key.tenant_id,
            playbook=trust.key.playbook,
            target_class=trust.key.target_class,
            status=status,
            budget=trust.budget,
            actor=actor,
            reason=trust.reason,
            expires_at=trust.expires_at,
        ),
        tenant=trust.key.tenant_id,
    )


def _status(trust: Trust, now: datetime) -> str:
    if trust.revoked_at is not None:
        return "revoked"
    if now >= trust.expires_at:
        return "expired"
    return "spent" if trust.used >= trust.budget else "open"


def _view(trust: Trust, now: datetime) -> StandingApproval:
    return StandingApproval(
        standing_id=trust.standing_id,
        tenant_id=trust.key.tenant_id,
        playbook=trust.key.playbook,
        target_class=trust.key.target_class,
        status=_status(trust, now),
        budget=trust.budget,
        used=trust.used,
        given_by=trust.given_by,
        reason=trust.reason,
        given_at=trust.given_at,
        expires_at=trust.expires_at,
        revoked_at=trust.revoked_at,
        revoked_by=trust.revoked_by,
    )
