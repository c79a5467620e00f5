"""Consents: which operations may use which secrets, asked for by one and given by another."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import (
    AskConsent,
    Consent,
    DecideConsent,
    ListConsents,
    RevokeConsent,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.api.steering import Order
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/governance/consents", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]
Writer = Annotated[Caller, needs(Scope.GOVERNANCE_WRITE)]
Approver = Annotated[Caller, needs(Scope.APPROVALS_DECIDE)]
_DAY = 86_400
_FORBIDDEN = "You asked for it, or for the mission that needs it."


class ConsentPage(Page):
    """Which page of the consents, and of which status."""

    status: Literal["asked", "open", "used", "expired", "rejected", "revoked"] | None = Field(
        default=None, description="Only those that stand so."
    )


class Wanted(BaseModel):
    """Which secret, for which operations, where, and for how long."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "secret": "shop-ops",
                "operation": "postgres.set_database_setting",
                "target": "shop-db",
                "one_time": False,
                "lifetime_s": 2592000,
                "reason": "Settings of the shop are repaired at night.",
            }
        },
    )

    secret: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$",
        description="Its name in the workers' targets file. `own`: what a target's entry holds without "
        "a name, used at that very target.",
    )
    operation: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,63}\.([a-z][a-z0-9_]{0,63}|\*)$",
        description="An operation, or `kernel.*` for all of a kernel.",
    )
    target: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$",
        description="At one target; or give `target_class`.",
    )
    target_class: str | None = Field(
        default=None,
        pattern=r"^[a-z][a-z0-9_]{0,63}$",
        description="At all targets of a kernel; or give `target`.",
    )
    one_time: bool = Field(
        default=False, description="For the one contract that uses it first, and for its undoing."
    )
    lifetime_s: int = Field(
        ge=60, le=366 * _DAY, description="How long it holds, counted from the consent."
    )
    reason: str = Field(
        min_length=1, max_length=1000, pattern=r"\S", description="Why; kept for good."
    )


@router.get("", summary="List consents, newest first")
async def list_consents(
    caller: Reader, page: Annotated[ConsentPage, Query()]
) -> Envelope[tuple[Consent, ...]]:
    """Return a page of the tenant's, and what holds for every tenant."""
    question = ListConsents(
        tenant_id=caller.tenant,
        limit=page.limit,
        before=id_before("consents", page.cursor),
        status=page.status,
    )
    found = (await caller.ask(question)).consents
    cursor = cursor_after("consents", [each.consent_id for each in found], page.limit)
    return caller.answer(found, next_cursor=cursor)


@router.post(
    "",
    status_code=201,
    summary="Ask for a consent",
    responses={409: {"description": "The very same is asked for already."}},
)
async def ask_consent(wanted: Wanted, caller: Writer) -> Envelope[Consent]:
    """Ask that an operation may use a secret. Nothing may before another person consents."""
    question = AskConsent(
        tenant_id=caller.tenant, principal=caller.key.principal, **wanted.model_dump()
    )
    return caller.answer(await caller.ask(question))


@router.post(
    "/{consent_id}/grant",
    summary="Consent",
    responses={403: {"description": _FORBIDDEN}, 409: {"description": "It is decided already."}},
)
async def grant_consent(consent_id: Id, order: Order, caller: Approver) -> Envelope[Consent]:
    """Let the operation use the secret, from now on and for as long as was asked."""
    return await _decided(caller, consent_id, "grant", order)


@router.post(
    "/{consent_id}/reject",
    summary="Refuse a consent",
    responses={403: {"description": _FORBIDDEN}, 409: {"description": "It is decided already."}},
)
async def reject_consent(consent_id: Id, order: Order, caller: Approver) -> Envelope[Consent]:
    """Refuse; the question may be asked again."""
    return await _decided(caller, consent_id, "reject", order)


@router.delete("/{consent_id}", summary="Take a consent back")
async def revoke_consent(consent_id: Id, caller: Approver) -> Envelope[Consent]:
    """Let nothing use the secret by it any more, from within a second; what runs, ends.

    Twice is the same answer. What was done by it can then be undone only by another consent.
    """
    question = RevokeConsent(
        tenant_id=caller.tenant, consent_id=consent_id, principal=caller.key.principal
    )
    return caller.answer(await caller.ask(question))


async def _decided(caller: Caller, consent_id: str, choice: str, order: Order) -> Envelope[Consent]:
    question = DecideConsent(
        tenant_id=caller.tenant,
        consent_id=consent_id,
        choice=choice,
        principal=caller.key.principal,
        reason=order.reason,
    )
    return caller.answer(await caller.ask(question))
