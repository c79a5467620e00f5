"""Intents: what somebody wants of Grace, and what became of it."""

import json
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

from grace.contracts.intent import (
    GetIntent,
    Intent,
    IntentSubmit,
    IntentSubmitPriority,
    ListIntents,
    Preview,
    PreviewIntent,
    SubmitIntent,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.api.intake import refused
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/intents", tags=["intents"])

Reader = Annotated[Caller, needs(Scope.INTENTS_READ)]
Writer = Annotated[Caller, needs(Scope.INTENTS_WRITE)]
Status = Literal[
    "accepted",
    "planning",
    "running",
    "verified",
    "failed",
    "rolled_back",
    "rollback_failed",
    "inconclusive",
    "blocked",
    "rejected",
    "expired",
    "cancelled",
]
_UINT32 = 2**32 - 1
_LONGEST_DETAILS = 16 * 1024


class IntentsPage(Page):
    """Which intents."""

    status: Status | Literal["reopened"] | None = Field(
        default=None,
        description="Only intents that stand so. `verified` leaves out those whose fault is back:"
        " they are listed as `reopened`.",
    )


class NewIntent(BaseModel):
    """What is wanted."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "intent_id": "unblock-shop-2026-11-20",
                "goal": "Orders can be placed again",
                "domain": "postgres",
                "sla_ms": 300000,
                "priority": "normal",
                "kind": "postgres.blocked_sessions",
                "target": "shop-db",
            }
        },
    )

    intent_id: str = Field(
        pattern=ID_PATTERN,
        description="Your own. The same id and body is the same intent, another body a conflict.",
    )
    goal: str = Field(
        min_length=1, max_length=2000, description="For people; never a parameter of an action."
    )
    domain: str = Field(pattern=ID_PATTERN, description="What it is about, e.g. postgres.")
    sla_ms: int = Field(ge=1, le=_UINT32, description="From its acceptance to its end.")
    priority: Literal["low", "normal", "high", "critical"] = "normal"
    kind: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="The class of the problem, which trigger rules match; the domain where absent.",
    )
    target: str | None = Field(default=None, pattern=ID_PATTERN, description="A registered target.")
    details: dict[str, JsonValue] | None = Field(
        default=None, description="For people, at most 16 KiB."
    )

    @field_validator("details")
    @classmethod
    def _fits(cls, details: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if details is not None and len(json.dumps(details)) > _LONGEST_DETAILS:
            raise ValueError(f"longer than {_LONGEST_DETAILS} characters of JSON")
        return details


@router.post(
    "/submit",
    status_code=202,
    summary="Submit an intent",
    responses={200: {"description": "A dry run: nothing was kept.", "model": Envelope[Preview]}},
)
async def submit_intent(
    wanted: NewIntent,
    caller: Writer,
    response: Response,
    dry_run: Annotated[  # noqa: FBT002 - a parameter of the query
        bool, Query(description="Keep nothing, and answer what would be done: each change.")
    ] = False,
) -> Envelope[Intent] | Envelope[Preview]:
    """Take an intent; 202 once it is committed, and `Location` tells where it stands.

    409 where the id, or the Idempotency-Key, belongs to another intent. You answer for it, and may
    not approve what Grace plans because of it.
    """
    if dry_run:
        response.status_code = 200
        question = PreviewIntent(
            tenant_id=caller.tenant,
            requested_by=caller.key.principal,
            intent=_message(wanted),
        )
        return caller.answer(await caller.ask(question))
    intent = await caller.ask(
        SubmitIntent(
            tenant_id=caller.tenant,
            requested_by=caller.key.principal,
            intent=_message(wanted),
            idempotency_key=caller.idempotency_key,
        )
    )
    response.headers["Location"] = f"{router.prefix}/{intent.intent_id}"
    return caller.answer(intent)


@router.get("", summary="List intents, newest first")
async def list_intents(
    caller: Reader, page: Annotated[IntentsPage, Query()]
) -> Envelope[tuple[Intent, ...]]:
    """Return a page of the tenant's intents."""
    found = await caller.ask(
        ListIntents(
            tenant_id=caller.tenant,
            limit=page.limit,
            before=id_before("intents", page.cursor),
            status=page.status,
        )
    )
    ids = [intent.intent_id for intent in found.intents]
    return caller.answer(found.intents, next_cursor=cursor_after("intents", ids, page.limit))


@router.get("/{intent_id}", summary="Read one intent")
async def read_intent(intent_id: Id, caller: Reader) -> Envelope[Intent]:
    """Return an intent with its mission and where both stand."""
    question = GetIntent(tenant_id=caller.tenant, intent_id=intent_id)
    return caller.answer(await caller.ask(question))


def _message(wanted: NewIntent) -> IntentSubmit:
    """422 names what the contract does not take: an integer in `details` that no double holds."""
    fields = wanted.model_dump() | {"priority": IntentSubmitPriority(wanted.priority)}
    try:
        return IntentSubmit(**fields)
    except ValidationError as error:
        raise refused(error, "body") from None
