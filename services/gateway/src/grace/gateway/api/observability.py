"""Observability: how Grace is, what is under stress, and what was healed without anybody's help."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.observability import (
    Alert,
    CurrentStress,
    Dashboard,
    GetCurrent,
    GetDashboard,
    GetRemediation,
    GetTrends,
    ListAlerts,
    RemediationStats,
    StressTrends,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Page, cursor_after, id_before
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/observability", tags=["observability"])

Reader = Annotated[Caller, needs(Scope.OBSERVABILITY_READ)]


class AlertsPage(Page):
    """Which alerts."""

    status: Literal["open", "resolved", "all"] = Field(
        default="open", description="Only alerts that stand so."
    )


class OfSuite(BaseModel):
    """Which runs."""

    model_config = ConfigDict(extra="forbid")

    suite: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Only this suite; all where absent."
    )


class TrendsOf(OfSuite):
    """Which runs, and how many."""

    runs: int = Field(default=20, ge=1, le=100, description="A suite's last runs that count.")


class Recent(BaseModel):
    """How much of the list."""

    model_config = ConfigDict(extra="forbid")

    recent: int = Field(default=20, ge=1, le=100, description="The newest that are listed.")


@router.get("/dashboard", summary="Read everything at a glance")
async def read_dashboard(caller: Reader) -> Envelope[Dashboard]:
    """Return the health of every service, open alerts, stress and remediation, with one score."""
    return caller.answer(await caller.ask(GetDashboard(tenant_id=caller.tenant)))


@router.get("/alerts", summary="List alerts, newest first")
async def list_alerts(
    caller: Reader, page: Annotated[AlertsPage, Query()]
) -> Envelope[tuple[Alert, ...]]:
    """Return a page of alerts: open ones, unless others are asked for."""
    found = await caller.ask(
        ListAlerts(
            tenant_id=caller.tenant,
            limit=page.limit,
            status=page.status,
            before=id_before("alerts", page.cursor),
        )
    )
    ids = [alert.alert_id for alert in found.alerts]
    return caller.answer(found.alerts, next_cursor=cursor_after("alerts", ids, page.limit))


@router.get("/stress/current", summary="Read how stress runs stand")
async def read_current(caller: Reader, of: Annotated[OfSuite, Query()]) -> Envelope[CurrentStress]:
    """Return the runs that go on, and the last one of every suite."""
    question = GetCurrent(tenant_id=caller.tenant, suite=of.suite)
    return caller.answer(await caller.ask(question))


@router.get("/stress/trends", summary="Read where stress runs are going")
async def read_trends(caller: Reader, of: Annotated[TrendsOf, Query()]) -> Envelope[StressTrends]:
    """Return what the last runs of each suite come to, and whether they get better or worse."""
    question = GetTrends(tenant_id=caller.tenant, suite=of.suite, runs=of.runs)
    return caller.answer(await caller.ask(question))


@router.get("/remediation/stats", summary="Read how automatic remediation fares")
async def read_remediation(
    caller: Reader, of: Annotated[Recent, Query()]
) -> Envelope[RemediationStats]:
    """Return how many failed runs became intents, and how those ended."""
    question = GetRemediation(tenant_id=caller.tenant, recent=of.recent)
    return caller.answer(await caller.ask(question))
