"""Autonomy: how much each playbook may do on its own, why, and by whose standing approval."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.governance import (
    Autonomy,
    GetAutonomy,
    GiveStandingApproval,
    ListAutonomy,
    ListStandingApprovals,
    RevokeStandingApproval,
    SetAutonomy,
    StandingApproval,
)
from grace.gateway.api.approvals import IfMatch, version_in
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.api.steering import Order
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/governance", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]
Writer = Annotated[Caller, needs(Scope.GOVERNANCE_WRITE)]
Approver = Annotated[Caller, needs(Scope.APPROVALS_DECIDE)]
Playbook = Annotated[
    str,
    Path(pattern=ID_PATTERN, description="A playbook.", examples=["postgres-runaway-queries"]),
]
TargetClass = Annotated[
    str, Path(pattern=ID_PATTERN, description="The kernel of such targets.", examples=["postgres"])
]
_REASON = Field(min_length=1, max_length=1000, pattern=r"\S", description="Why; kept for good.")
_DAY = 86_400


class Move(BaseModel):
    """Where a playbook shall stand."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"example": {"level": "suggest", "reason": "It restarted too much."}},
    )

    level: Literal["off", "suggest", "approve", "auto"] = Field(
        description="off: its plans are refused. suggest: people are asked, whatever the tier. approve: "
        "for tier 2 and 3. auto: for tier 3, and where no standing approval carries it; only "
        "evidence leads there."
    )
    reason: str = _REASON


class Word(BaseModel):
    """What somebody gives their word for."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "playbook": "postgres-runaway-queries",
                "target_class": "postgres",
                "budget": 50,
                "lifetime_s": 604800,
                "reason": "It held all of last month.",
            }
        },
    )

    playbook: str = Field(pattern=ID_PATTERN, description="Which playbook.")
    target_class: str = Field(pattern=ID_PATTERN, description="On targets of which kernel.")
    budget: int = Field(ge=1, le=10_000, description="Changes in all.")
    lifetime_s: int = Field(ge=60, le=366 * _DAY, description="Until when, in seconds from now.")
    reason: str = _REASON


@router.get("/autonomy", summary="List where playbooks stand, by name")
async def list_autonomy(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[Autonomy, ...]]:
    """Return a page of the playbooks that have a record; all others stand at `approve`."""
    question = ListAutonomy(
        tenant_id=caller.tenant, limit=page.limit, after=id_before("autonomy", page.cursor)
    )
    found = (await caller.ask(question)).autonomies
    names = [f"{each.playbook}:{each.target_class}" for each in found]
    return caller.answer(found, next_cursor=cursor_after("autonomy", names, page.limit))


@router.get("/autonomy/{playbook}/{target_class}", summary="Read where a playbook stands, and why")
async def read_autonomy(
    playbook: Playbook, target_class: TargetClass, caller: Reader, response: Response
) -> Envelope[Autonomy]:
    """Return its level, the evidence since its last move, and who moved it. The ETag is its version."""
    question = GetAutonomy(tenant_id=caller.tenant, playbook=playbook, target_class=target_class)
    return _tagged(caller, await caller.ask(question), response)


@router.put(
    "/autonomy/{playbook}/{target_class}",
    summary="Move a playbook",
    responses={409: {"description": "It has not earned auto."}},
)
async def move_playbook(
    playbook: Playbook,
    target_class: TargetClass,
    move: Move,
    *,
    caller: Writer,
    response: Response,
    if_match: IfMatch = None,
) -> Envelope[Autonomy]:
    """Put a playbook on another level; evidence begins anew. 409 for `auto` that is not earned."""
    question = SetAutonomy(
        tenant_id=caller.tenant,
        playbook=playbook,
        target_class=target_class,
        level=move.level,
        principal=caller.key.principal,
        reason=move.reason,
        if_version=version_in(if_match),
    )
    return _tagged(caller, await caller.ask(question), response)


@router.get("/standing-approvals", summary="List standing approvals, newest first")
async def list_standing_approvals(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[StandingApproval, ...]]:
    """Return a page of the tenant's, each with what is left of it."""
    question = ListStandingApprovals(
        tenant_id=caller.tenant, limit=page.limit, before=id_before("standing", page.cursor)
    )
    found = (await caller.ask(question)).standing_approvals
    cursor = cursor_after("standing", [each.standing_id for each in found], page.limit)
    return caller.answer(found, next_cursor=cursor)


@router.post("/standing-approvals", status_code=201, summary="Give a standing approval")
async def give_standing_approval(word: Word, caller: Approver) -> Envelope[StandingApproval]:
    """Let a playbook at `auto` make so many changes of tier 2 without asking, until a moment.

    It never carries what its giver asked for, and no change of tier 3.
    """
    question = GiveStandingApproval(
        tenant_id=caller.tenant, principal=caller.key.principal, **word.model_dump()
    )
    return caller.answer(await caller.ask(question))


@router.post("/standing-approvals/{standing_id}/revoke", summary="Take a standing approval back")
async def revoke_standing_approval(
    standing_id: Id, order: Order, caller: Approver
) -> Envelope[StandingApproval]:
    """Let it carry nothing more; what was granted by it goes on. Twice is the same answer."""
    question = RevokeStandingApproval(
        tenant_id=caller.tenant,
        standing_id=standing_id,
        principal=caller.key.principal,
        reason=order.reason,
    )
    return caller.answer(await caller.ask(question))


def _tagged(caller: Caller, found: Autonomy, response: Response) -> Envelope[Autonomy]:
    response.headers["ETag"] = f'"{found.version}"'
    return caller.answer(found)
