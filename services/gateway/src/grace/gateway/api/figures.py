"""Figures: what HTM's tasks came to, hour by hour."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grace.contracts.htm import GetTaskMetrics, TaskMetrics
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.api.instants import Instant
from grace.gateway.api.intake import refused
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/htm/metrics", tags=["htm"])

_DAY = timedelta(days=1)


class Hours(BaseModel):
    """Which hours."""

    model_config = ConfigDict(extra="forbid")

    since: Instant | None = Field(
        default=None, description="Hours that begin then or later; a day ago where absent."
    )
    until: Instant | None = Field(
        default=None, description="Hours that begin before; now where absent."
    )
    type: str | None = Field(default=None, pattern=ID_PATTERN, description="Only tasks of it.")


@router.get("", summary="Read hourly figures of tasks")
async def read_metrics(
    caller: Annotated[Caller, needs(Scope.HTM_READ)], of: Annotated[Hours, Query()]
) -> Envelope[TaskMetrics]:
    """Return queue, execution and total times, rates of success and SLA, and retries, by hour.

    Percentiles are exact, in seconds. 422 where it were more than 1000 figures.
    """
    now = datetime.now(UTC)
    try:
        question = GetTaskMetrics(
            tenant_id=caller.tenant,
            since=of.since or now - _DAY,
            until=of.until or now,
            type=of.type,
        )
    except ValidationError as error:
        raise refused(error, "query") from None
    return caller.answer(await caller.ask(question))
