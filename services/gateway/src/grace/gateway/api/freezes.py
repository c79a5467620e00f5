"""Change freezes: when plans for which targets wait."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.intent import DeclareFreeze, EndFreeze, Freeze, ListFreezes
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.api.instants import Instant
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/freezes", tags=["intents"])

Reader = Annotated[Caller, needs(Scope.FREEZES_READ)]
Writer = Annotated[Caller, needs(Scope.FREEZES_WRITE)]
_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


class NewFreeze(BaseModel):
    """When nothing is to be changed, and where."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "reason": "Nights belong to the batch runs",
                "environment": "production",
                "timezone": "Europe/Berlin",
                "days": ["mon", "tue", "wed", "thu", "fri"],
                "from_time": "22:00",
                "until_time": "06:00",
            }
        },
    )

    reason: str = Field(min_length=1, max_length=1000, description="For those who have to wait.")
    mode: Literal["wait", "ask"] = Field(
        default="wait", description="Plans wait for its end, or for somebody who releases them."
    )
    target: str | None = Field(
        default=None, pattern=ID_PATTERN, description="A registered target; all where absent."
    )
    kind: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Of target, such as postgres; all where absent.",
    )
    environment: str | None = Field(
        default=None, pattern=ID_PATTERN, description="As targets have it; all where absent."
    )
    starts_at: Instant | None = Field(default=None, description="Now where absent.")
    ends_at: Instant | None = Field(default=None, description="Needed where there are no `days`.")
    timezone: str | None = Field(
        default=None,
        max_length=64,
        description="An IANA name. With `days`, `from_time` and `until_time` it comes back weekly.",
    )
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(
        default=[], max_length=7
    )
    from_time: str | None = Field(default=None, pattern=_TIME)
    until_time: str | None = Field(
        default=None, pattern=_TIME, description="On the next day where it is not later."
    )


class Ending(BaseModel):
    """Why somebody ends a freeze before its time."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"reason": "The fair is over."}}
    )

    reason: str | None = Field(default=None, max_length=1000, description="For the record.")


@router.post("", status_code=201, summary="Declare a change freeze")
async def declare_freeze(wanted: NewFreeze, caller: Writer) -> Envelope[Freeze]:
    """Let plans for these targets wait, or ask; what is under way goes on.

    422 where the window cannot be: no end, one before its beginning or now, no such time zone.
    """
    fields = wanted.model_dump(exclude={"days"})
    declared = DeclareFreeze(
        tenant_id=caller.tenant, principal=caller.key.principal, days=tuple(wanted.days), **fields
    )
    return caller.answer(await caller.ask(declared))


@router.get("", summary="List change freezes, newest first")
async def list_freezes(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[Freeze, ...]]:
    """Return a page of the tenant's freezes, those that ended among them."""
    question = ListFreezes(
        tenant_id=caller.tenant, limit=page.limit, before=id_before("freezes", page.cursor)
    )
    found = (await caller.ask(question)).freezes
    ids = [freeze.freeze_id for freeze in found]
    return caller.answer(found, next_cursor=cursor_after("freezes", ids, page.limit))


@router.post("/{freeze_id}/end", summary="End a change freeze before its time")
async def end_freeze(freeze_id: Id, ending: Ending, caller: Writer) -> Envelope[Freeze]:
    """End a freeze; what waits for it is planned at once. 404 where it is not in force."""
    wanted = EndFreeze(
        tenant_id=caller.tenant,
        freeze_id=freeze_id,
        principal=caller.key.principal,
        reason=ending.reason,
    )
    return caller.answer(await caller.ask(wanted))
