"""Schedules: tasks that HTM submits again and again, at the times of a cron expression."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from grace.contracts.htm import (
    ChangeSchedule,
    DropSchedule,
    GetSchedule,
    ListSchedules,
    Schedule,
    SetSchedule,
    TaskSpec,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id, Page, cursor_after, id_before
from grace.gateway.api.orders import Work, spec_of
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/htm/schedules", tags=["htm"])

Reader = Annotated[Caller, needs(Scope.HTM_READ)]
Writer = Annotated[Caller, needs(Scope.HTM_WRITE)]
CatchUp = Literal["skip", "one", "all"]
_EXAMPLE: dict[str, JsonValue] = {
    "name": "nightly-look",
    "cron": "30 2 * * *",
    "time_zone": "Europe/Berlin",
    "catch_up": "one",
    "task": {
        "type": "postgres.blocked_sessions.observe",
        "kernel": "postgres",
        "operation": "postgres.blocked_sessions",
        "target": "shop-db",
    },
}


class NewSchedule(BaseModel):
    """When what is submitted. A slot's task is charged to you and belongs to your tenant."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": _EXAMPLE})

    name: str = Field(pattern=ID_PATTERN, max_length=120, description="Your own.")
    cron: str = Field(
        min_length=1,
        max_length=200,
        description="Minute, hour, day of month, month, day of week.",
        examples=["30 2 * * *"],
    )
    time_zone: str = Field(
        default="UTC", max_length=100, description="IANA.", examples=["Europe/Berlin"]
    )
    catch_up: CatchUp = Field(
        default="skip",
        description="What becomes of slots that nobody fired in time: none, the last one, or all.",
    )
    catch_up_most: int = Field(
        default=100, ge=1, le=1000, description="How many `all` are at most: the last ones."
    )
    enabled: bool = True
    task: Work = Field(description="What each slot submits; it only observes.")


class ScheduleChange(BaseModel):
    """What is to be otherwise; the rest stays."""

    model_config = ConfigDict(
        extra="forbid", strict=True, json_schema_extra={"example": {"enabled": False}}
    )

    cron: str | None = Field(default=None, min_length=1, max_length=200)
    time_zone: str | None = Field(default=None, max_length=100)
    catch_up: CatchUp | None = None
    catch_up_most: int | None = Field(default=None, ge=1, le=1000)
    enabled: bool | None = None
    task: Work | None = None


@router.post(
    "",
    status_code=201,
    summary="Set a schedule",
    responses={409: {"description": "There is another schedule of this name."}},
)
async def set_schedule(wanted: NewSchedule, caller: Writer) -> Envelope[Schedule]:
    """Submit a task at every time of a cron expression from now on. Again is the same answer."""
    question = SetSchedule(
        tenant_id=caller.tenant,
        requested_by=caller.key.principal,
        task=_order(wanted.task, wanted.name, caller),
        **wanted.model_dump(exclude={"task"}),
    )
    return caller.answer(await caller.ask(question))


@router.get("", summary="List schedules, by name")
async def list_schedules(
    caller: Reader, page: Annotated[Page, Query()]
) -> Envelope[tuple[Schedule, ...]]:
    """Return a page of the tenant's schedules, each with its next and its last slot."""
    after = id_before("schedules", page.cursor)
    question = ListSchedules(tenant_id=caller.tenant, after=after, limit=page.limit)
    found = (await caller.ask(question)).schedules
    cursor = cursor_after("schedules", [each.name for each in found], page.limit)
    return caller.answer(found, next_cursor=cursor)


@router.get("/{schedule_name}", summary="Read one schedule")
async def read_schedule(schedule_name: Id, caller: Reader) -> Envelope[Schedule]:
    """Return a schedule: when it fires next, or why it does not, and what its last slot came to."""
    question = GetSchedule(tenant_id=caller.tenant, name=schedule_name)
    return caller.answer(await caller.ask(question))


@router.patch("/{schedule_name}", summary="Change a schedule")
async def change_schedule(
    schedule_name: Id, wanted: ScheduleChange, caller: Writer
) -> Envelope[Schedule]:
    """Change what is given. It goes on with the slot that comes next: none is made up for."""
    question = ChangeSchedule(
        tenant_id=caller.tenant,
        name=schedule_name,
        requested_by=caller.key.principal,
        task=_order(wanted.task, schedule_name, caller) if wanted.task else None,
        **wanted.model_dump(exclude={"task"}),
    )
    return caller.answer(await caller.ask(question))


@router.delete("/{schedule_name}", status_code=204, summary="Drop a schedule")
async def drop_schedule(schedule_name: Id, caller: Writer) -> None:
    """Submit nothing more of it; its tasks stay."""
    await caller.ask(
        DropSchedule(tenant_id=caller.tenant, name=schedule_name, requested_by=caller.key.principal)
    )


def _order(work: Work, name: str, caller: Caller) -> TaskSpec:
    return spec_of(work, caller, prefix="task.", more={"key": name, "step": "observe"})
