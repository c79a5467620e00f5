"""Approvals: read what a plan would do, and decide on exactly that."""

import re
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from grace.contracts.governance import Approval, Decide, GetApproval, ListApprovals
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import (
    ID_PATTERN,
    Envelope,
    Id,
    Page,
    cursor_after,
    id_before,
)
from grace.gateway.domain.access import Scope
from grace.kit import Stale

router = APIRouter(prefix="/api/approvals", tags=["approvals"])

Reader = Annotated[Caller, needs(Scope.APPROVALS_READ)]
Approver = Annotated[Caller, needs(Scope.APPROVALS_DECIDE)]
IfMatch = Annotated[
    str | None,
    Header(
        description="Required: the ETag that was read, or `*` for whatever stands. "
        "412 where it has changed since, 428 without.",
        examples=['"1"'],
    ),
]
_VERSION = re.compile(r'"([0-9]{1,9})"')


class ApprovalsPage(Page):
    """Which approvals."""

    status: Literal["pending", "granted", "rejected", "expired"] | None = Field(
        default=None, description="Only approvals that stand so."
    )
    tier: int | None = Field(default=None, ge=1, le=3, description="Only plans of this tier.")
    mission_id: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Only approvals of this mission."
    )
    requested_by: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Only what this person or service asked for."
    )


class Decision(BaseModel):
    """What a person decided on: the hash binds it to the plan that was shown."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "shown_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "reason": "Checked with the shop team.",
            }
        },
    )

    shown_hash: str = Field(
        pattern=r"^[0-9a-f]{64}$",
        description="`shown_hash` of the approval: sha256 in hex over the contract hashes, joined "
        "by newlines. A contract hash is the sha256 of one text of `contracts`.",
    )
    reason: str | None = Field(default=None, max_length=1000, description="For the record.")


@router.get("", summary="List approvals, newest first")
async def list_approvals(
    caller: Reader, page: Annotated[ApprovalsPage, Query()]
) -> Envelope[tuple[Approval, ...]]:
    """Return a page of the tenant's approvals, without their contracts."""
    found = await caller.ask(
        ListApprovals(
            tenant_id=caller.tenant,
            limit=page.limit,
            status=page.status,
            tier=page.tier,
            mission_id=page.mission_id,
            requested_by=page.requested_by,
            before=id_before("approvals", page.cursor),
        )
    )
    ids = [approval.approval_id for approval in found.approvals]
    cursor = cursor_after("approvals", ids, page.limit)
    return caller.answer(found.approvals, next_cursor=cursor)


@router.get("/{approval_id}", summary="Read one approval")
async def read_approval(approval_id: Id, caller: Reader, response: Response) -> Envelope[Approval]:
    """Return an approval with the exact text of every contract. The ETag is its version."""
    question = GetApproval(tenant_id=caller.tenant, approval_id=approval_id)
    return tagged(caller, await caller.ask(question), response)


@router.post("/{approval_id}/approve", summary="Approve a plan")
async def approve(
    approval_id: Id,
    decision: Decision,
    caller: Approver,
    response: Response,
    if_match: IfMatch = None,
) -> Envelope[Approval]:
    """Count an approval. 403 for who asked for the plan, 409 where it is decided or expired.

    403, too, with the policies and why, where they forbid the plan by now: it waits on.
    """
    question = _question(caller, approval_id, "approve", decision, if_match)
    return tagged(caller, await caller.ask(question), response)


@router.post("/{approval_id}/reject", summary="Reject a plan")
async def reject(
    approval_id: Id,
    decision: Decision,
    caller: Approver,
    response: Response,
    if_match: IfMatch = None,
) -> Envelope[Approval]:
    """Reject a plan for good: one person is enough. Who asked for it cannot (403)."""
    question = _question(caller, approval_id, "reject", decision, if_match)
    return tagged(caller, await caller.ask(question), response)


def _question(
    caller: Caller, approval_id: str, choice: str, decision: Decision, if_match: str | None
) -> Decide:
    return Decide(
        tenant_id=caller.tenant,
        approval_id=approval_id,
        principal=caller.key.principal,
        choice=choice,
        shown_hash=decision.shown_hash,
        if_version=version_in(if_match),
        reason=decision.reason,
    )


class NoVersion(HTTPException):
    """A decision says what it was made on."""

    def __init__(self) -> None:
        super().__init__(428, "Give the ETag of what you read as If-Match.")


def version_in(if_match: str | None) -> int | None:
    """Return the version in an ETag; what is no ETag of ours can match nothing."""
    if if_match is None:
        raise NoVersion
    if if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise Stale("If-Match names no version of what is to be changed.")
    return int(found[1])


def tagged(caller: Caller, approval: Approval, response: Response) -> Envelope[Approval]:
    """Answer with an approval; its ETag is its version."""
    response.headers["ETag"] = f'"{approval.version}"'
    return caller.answer(approval)
