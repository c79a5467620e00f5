"""Limits of keys: how many tasks with the same `limit_key` run at a time, and how many a second."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.htm import DropLimit, Limit, ListLimits, SetLimit
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/htm/limits", tags=["htm"])

Reader = Annotated[Caller, needs(Scope.HTM_READ)]
Writer = Annotated[Caller, needs(Scope.HTM_WRITE)]
_MOST = 1_000_000


class WantedLimit(BaseModel):
    """What a key allows; at least one of `concurrency` and `rate_per_second`."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {"key": "shop-db", "concurrency": 2, "rate_per_second": 0.5, "burst": 3}
        },
    )

    key: str = Field(pattern=ID_PATTERN, description="The `limit_key` of the tasks that it is for.")
    concurrency: int | None = Field(
        default=None, ge=1, le=_MOST, description="Tasks in flight at the same time."
    )
    rate_per_second: float | None = Field(
        default=None, ge=0.00001, le=_MOST, description="Tasks that may begin in a second."
    )
    burst: int | None = Field(
        default=None,
        ge=1,
        le=_MOST,
        description="Tasks that may begin at once after a pause; a second's worth where absent.",
    )


@router.get("", summary="List the limits of keys")
async def list_limits(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[Limit, ...]]:
    """Return a page of the tenant's limits, in the order of their keys."""
    after = id_before("limits", page.cursor)
    found = await caller.ask(ListLimits(tenant_id=caller.tenant, after=after, limit=page.limit))
    cursor = cursor_after("limits", [limit.key for limit in found.limits], page.limit)
    return caller.answer(found.limits, next_cursor=cursor)


@router.put("", summary="Set the limit of a key")
async def set_limit(wanted: WantedLimit, caller: Writer) -> Envelope[Limit]:
    """Put this in the place of the key's limit, from the next task on that begins."""
    question = SetLimit(
        tenant_id=caller.tenant, requested_by=caller.key.principal, **wanted.model_dump()
    )
    return caller.answer(await caller.ask(question))


@router.delete("/{limit_key}", status_code=204, summary="Drop the limit of a key")
async def drop_limit(limit_key: Id, caller: Writer) -> None:
    """Let the tasks of a key begin at will."""
    await caller.ask(
        DropLimit(tenant_id=caller.tenant, key=limit_key, requested_by=caller.key.principal)
    )
