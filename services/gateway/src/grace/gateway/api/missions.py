"""Missions: what happened to an incident, from its report to its verdict."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.intent import ExplainMission, Explanation, Replayed, ReplayMission
from grace.contracts.verification import (
    GetMission,
    GetTimeline,
    ListMissions,
    Mission,
    TimelineEntry,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Id, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/missions", tags=["missions"])

Reader = Annotated[Caller, needs(Scope.MISSIONS_READ)]
Status = Literal[
    "open",
    "verified",
    "failed",
    "rolled_back",
    "rollback_failed",
    "inconclusive",
    "blocked",
    "rejected",
    "expired",
    "cancelled",
    "needs_attention",
]


class Replay(BaseModel):
    """By which rules a mission is decided about once more."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": {}})

    playbook: str | None = Field(
        default=None,
        min_length=1,
        max_length=65_536,
        description="A playbook in YAML, besides those in force; in place of the one of its name.",
    )


class MissionsPage(Page):
    """Which missions."""

    status: Status | Literal["reopened"] | None = Field(
        default=None,
        description="Only missions that stand so. `verified` leaves out those whose fault is back:"
        " they are listed as `reopened`. `open` are all that go on: `open`, `planned`,"
        " `awaiting_approval` and `acting`.",
    )


@router.get("", summary="List missions, newest first")
async def list_missions(
    caller: Reader, page: Annotated[MissionsPage, Query()]
) -> Envelope[tuple[Mission, ...]]:
    """Return a page of the tenant's missions."""
    found = await caller.ask(
        ListMissions(
            tenant_id=caller.tenant,
            limit=page.limit,
            before=id_before("missions", page.cursor),
            status=page.status,
        )
    )
    ids = [mission.mission_id for mission in found.missions]
    cursor = cursor_after("missions", ids, page.limit)
    return caller.answer(found.missions, next_cursor=cursor)


@router.get("/{mission_id}", summary="Read one mission")
async def read_mission(mission_id: Id, caller: Reader) -> Envelope[Mission]:
    """Return a mission with its contracts: what was expected, what was measured, the verdict."""
    question = GetMission(tenant_id=caller.tenant, mission_id=mission_id)
    return caller.answer(await caller.ask(question))


@router.get("/{mission_id}/timeline", summary="Read the timeline of a mission")
async def read_timeline(mission_id: Id, caller: Reader) -> Envelope[tuple[TimelineEntry, ...]]:
    """Return every step in order: when, who, and the message that told of it."""
    question = GetTimeline(tenant_id=caller.tenant, mission_id=mission_id)
    return caller.answer((await caller.ask(question)).entries)


@router.get("/{mission_id}/plan", summary="Read why a mission has this plan, or none")
async def read_plan(mission_id: Id, caller: Reader) -> Envelope[Explanation]:
    """Return which playbooks were considered, why one was taken and the others not, and the plan."""
    question = ExplainMission(tenant_id=caller.tenant, mission_id=mission_id)
    return caller.answer(await caller.ask(question))


@router.post("/{mission_id}/replay", summary="Decide about a mission once more, by today's rules")
async def replay_mission(mission_id: Id, replay: Replay, caller: Reader) -> Envelope[Replayed]:
    """Return how a recorded mission would be decided now. Nothing is stored, nothing acts."""
    question = ReplayMission(
        tenant_id=caller.tenant, mission_id=mission_id, playbook=replay.playbook
    )
    return caller.answer(await caller.ask(question))
