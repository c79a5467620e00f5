"""Analytics: questions to the data cube, over actions, tasks and approvals."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grace.contracts.observability import (
    CubeBreakdown,
    CubeComparison,
    CubeFunnel,
    CubeRuns,
    CubeSelection,
    CubeTrend,
    GetCubeBreakdown,
    GetCubeComparison,
    GetCubeFunnel,
    GetCubeTrend,
    ListCubeRuns,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope
from grace.gateway.api.instants import Instant
from grace.gateway.api.intake import refused
from grace.gateway.domain.access import HOUSE_TENANT, Scope
from grace.kit import Forbidden

router = APIRouter(prefix="/api/analytics", tags=["analytics"])

Reader = Annotated[Caller, needs(Scope.OBSERVABILITY_READ)]
Dimension = Literal["time", "service", "playbook", "operation", "origin", "outcome"]
_DAY = timedelta(days=1)
_NAME = Annotated[str | None, Field(max_length=256)]


class NotTheHouse(Forbidden):
    """The cube is loaded for all tenants together: a key of the tenant `default` is needed."""


class Missions(BaseModel):
    """Which missions."""

    model_config = ConfigDict(extra="forbid")

    since: Instant | None = Field(
        default=None,
        description="From the hour that it lies in; a day before `until` where absent.",
    )
    until: Instant | None = Field(
        default=None, description="Up to the hour that begins then or later; now where absent."
    )
    service: _NAME = Field(default=None, description="Only what was done for this target.")
    playbook: _NAME = Field(default=None, description="Only what this playbook planned.")
    operation: _NAME = Field(default=None, description="Only this operation.")
    origin: _NAME = Field(
        default=None,
        description="Only what this source reported; of tasks, what this origin submitted.",
    )


class Facts(Missions):
    """Which facts."""

    fact: Literal["action", "task", "approval"] = Field(
        default="action", description="Closed contracts, ended tasks, or decisions on approvals."
    )


class OverTime(Facts):
    """Which facts, and how long a point is."""

    bucket: Literal["hour", "day"] = Field(default="hour", description="Of UTC.")


class ByDimension(Facts):
    """Which facts, and by what."""

    dimension: Dimension = Field(
        default="playbook", description="`time` is the hour of the day, in UTC."
    )
    limit: int = Field(default=20, ge=1, le=100, description="The most members that are listed.")


class Newest(BaseModel):
    """How much of the list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=20, ge=1, le=200, description="The newest that are listed.")


@router.get("/trend", summary="Read how it went over time")
async def read_trend(caller: Reader, of: Annotated[OverTime, Query()]) -> Envelope[CubeTrend]:
    """Return figures by hour or day, the oldest first, those without facts, too.

    The cube is loaded every five minutes; `loaded_at` tells when it was the last time. Tasks have no
    service and no playbook. 422 where it were more than 999 points or 400 days.
    """
    question = GetCubeTrend(selection=_selection(caller, of, of.fact), bucket=of.bucket)
    return caller.answer(await caller.ask(question))


@router.get("/breakdown", summary="Read what it is made of")
async def read_breakdown(
    caller: Reader, of: Annotated[ByDimension, Query()]
) -> Envelope[CubeBreakdown]:
    """Return figures by the members of a dimension, the most frequent first, and of all together."""
    selection = _selection(caller, of, of.fact)
    question = GetCubeBreakdown(selection=selection, dimension=of.dimension, limit=of.limit)
    return caller.answer(await caller.ask(question))


@router.get("/funnel", summary="Read how far missions came")
async def read_funnel(caller: Reader, of: Annotated[Missions, Query()]) -> Envelope[CubeFunnel]:
    """Return how many missions that were captured then were decided on, acted, and held.

    Each step is part of the one before it. 422 where it were more than 31 days.
    """
    question = GetCubeFunnel(selection=_selection(caller, of, "action"))
    return caller.answer(await caller.ask(question))


@router.get("/compare", summary="Read what changed")
async def read_comparison(
    caller: Reader, of: Annotated[ByDimension, Query()]
) -> Envelope[CubeComparison]:
    """Return figures of a time beside those of the same length before it, the largest change first."""
    selection = _selection(caller, of, of.fact)
    question = GetCubeComparison(selection=selection, dimension=of.dimension, limit=of.limit)
    return caller.answer(await caller.ask(question))


@router.get("/runs", summary="Read how the cube was loaded")
async def list_runs(caller: Reader, of: Annotated[Newest, Query()]) -> Envelope[CubeRuns]:
    """Return the newest transactions of loading: what they read, wrote, and how old it was.

    They tell of all tenants together, so that only keys of the tenant `default` may see them.
    """
    if caller.tenant != HOUSE_TENANT:
        raise NotTheHouse
    return caller.answer(await caller.ask(ListCubeRuns(limit=of.limit)))


def _selection(caller: Caller, of: Missions, fact: str) -> CubeSelection:
    until = of.until or datetime.now(UTC)
    try:
        return CubeSelection(
            tenant_id=caller.tenant,
            fact=fact,
            from_time=of.since or until - _DAY,
            to_time=until,
            service=of.service,
            playbook=of.playbook,
            operation=of.operation,
            origin=of.origin,
        )
    except ValidationError as error:
        raise refused(error, "query") from None
