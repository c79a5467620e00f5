"""Capacity and quotas: how many tasks are in flight, and whose. They belong to the whole house."""

import re
from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.htm import GetQuotas, GetRoutingStats, Quota, Quotas, RoutingStats, SetQuotas
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.domain.access import HOUSE_TENANT, Scope
from grace.kit import Forbidden, Stale

router = APIRouter(prefix="/api/htm", tags=["htm"])

Reader = Annotated[Caller, needs(Scope.HTM_READ)]
Writer = Annotated[Caller, needs(Scope.HTM_WRITE)]
IfMatch = Annotated[
    str | None,
    Header(
        description="The ETag that was read: 412 where somebody has set others since. "
        "Without it, or with `*`, these replace whatever holds.",
        examples=['"0123456789abcdef"'],
    ),
]
_VERSION = re.compile(r'"([0-9a-f]{16})"')


class NotTheHouse(Forbidden):
    """Capacity and quotas are all tenants' together: a key of the tenant `default` is needed."""


class WantedQuota(BaseModel):
    """An origin's share."""

    model_config = ConfigDict(extra="forbid", strict=True)

    origin: str = Field(pattern=ID_PATTERN, description="Who is charged: intent, outside ..")
    share_percent: int = Field(
        ge=0, le=100, description="Of the capacity, rounded down; all together at most 100."
    )
    weight: float = Field(
        default=1.0,
        ge=0.001,
        le=1000,
        description="Who has twice the weight may hold twice as much, quotas aside.",
    )
    lends: bool = Field(
        default=True,
        description="Whether what is idle is lent and may be borrowed; otherwise the share is a wall: "
        "what is idle waits for its origin, and the origin never holds more.",
    )


class WantedQuotas(BaseModel):
    """Capacity and all quotas; an origin that is not named shares what is left."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "capacity": 50,
                "quotas": [{"origin": "intent", "share_percent": 25, "weight": 1.0, "lends": True}],
            }
        },
    )

    capacity: int = Field(
        ge=1, le=1_000_000, description="Tasks that may be in flight at the same time."
    )
    quotas: list[WantedQuota] = Field(max_length=100)


class OriginView(BaseModel):
    """What an origin holds at this moment."""

    current_count: int = Field(description="Its tasks in flight.")
    quota: int = Field(
        description="Tasks that it may always hold; origins without a quota of their own share one."
    )
    quota_used: str = Field(description="`current_count` of `quota`.", examples=["1/12"])
    utilization: float = Field(
        description="The same as a number, to two places; above 1 while it borrows.",
        examples=[0.08],
    )


class RoutingView(BaseModel):
    """Who holds how much."""

    capacity: int = Field(description="Tasks that may be in flight at the same time.")
    current_count: int = Field(description="Tasks that are.")
    origins: dict[str, OriginView] = Field(
        description="By name, those that have a quota or hold a task.",
        examples=[
            {"intent": {"current_count": 1, "quota": 12, "quota_used": "1/12", "utilization": 0.08}}
        ],
    )


@router.get("/quotas", summary="Read capacity and quotas")
async def read_quotas(caller: Reader, response: Response) -> Envelope[Quotas]:
    """Return how many tasks may be in flight, and the share of each origin. The ETag is their version."""
    _of_the_house(caller)
    return _tagged(caller, await caller.ask(GetQuotas()), response)


@router.put("/quotas", summary="Set capacity and quotas")
async def set_quotas(
    wanted: WantedQuotas, caller: Writer, response: Response, if_match: IfMatch = None
) -> Envelope[Quotas]:
    """Put these in the place of all that were set before. No running task is stopped for it."""
    _of_the_house(caller)
    question = SetQuotas(
        capacity=wanted.capacity,
        quotas=tuple(Quota(**quota.model_dump()) for quota in wanted.quotas),
        requested_by=caller.key.principal,
        if_version=_version_in(if_match),
    )
    return _tagged(caller, await caller.ask(question), response)


@router.get("/routing/stats", summary="Read who holds how much")
async def read_routing_stats(caller: Reader) -> Envelope[RoutingView]:
    """Return the tasks in flight of each origin, beside its quota."""
    _of_the_house(caller)
    return caller.answer(_shown(await caller.ask(GetRoutingStats())))


def _version_in(if_match: str | None) -> str | None:
    """Return the version in an ETag; what is no ETag of ours can match nothing."""
    if if_match is None or if_match.strip() == "*":
        return None
    found = _VERSION.fullmatch(if_match.strip())
    if found is None:
        raise Stale("If-Match names no version of capacity and quotas.")
    return found[1]


def _tagged(caller: Caller, quotas: Quotas, response: Response) -> Envelope[Quotas]:
    response.headers["ETag"] = f'"{quotas.version}"'
    return caller.answer(quotas)


def _of_the_house(caller: Caller) -> None:
    if caller.tenant != HOUSE_TENANT:
        raise NotTheHouse


def _shown(stats: RoutingStats) -> RoutingView:
    return RoutingView(
        capacity=stats.capacity,
        current_count=stats.current_count,
        origins={
            each.origin: OriginView(**each.model_dump(exclude={"origin"})) for each in stats.origins
        },
    )
