"""Health: of this process for probes, and of the whole for people."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from grace.contracts.governance import ListApprovals
from grace.contracts.htm import GetTasks
from grace.contracts.identity import GetCheckpoint
from grace.contracts.intent import ListIntents
from grace.contracts.knowledge import GetIndexStats
from grace.contracts.learning import GetSummary
from grace.contracts.message import Message, Query
from grace.contracts.observability import GetCurrent
from grace.contracts.verification import ListMissions
from grace.contracts.worker import ListTargets
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope, Meta
from grace.gateway.domain.access import Scope
from grace.kit import GraceError, Kind, Runtime

router = APIRouter(tags=["health"])

_SILENCE = frozenset({Kind.UNAVAILABLE, Kind.TIMEOUT})


class ProcessHealth(BaseModel):
    """How this process is."""

    status: Literal["live", "ready", "degraded"]
    problems: list[str] = []


class SystemHealth(BaseModel):
    """How the whole is, as the gateway sees it."""

    status: Literal["up", "degraded"]
    services: dict[str, Literal["up", "down"]] = Field(
        description="Whether each service answers a small question in time.",
        examples=[{"governance": "up", "verification": "down"}],
    )


@router.get("/health/live", summary="Is the process alive?")
async def live(request: Request) -> Envelope[ProcessHealth]:
    """Answer as long as the process can answer at all."""
    return _answer(request, ProcessHealth(status="live"))


@router.get("/health/ready", summary="Can the process do its work?")
async def ready(request: Request, response: Response) -> Envelope[ProcessHealth]:
    """Answer 200 where database, bus and key are there, else 503 with what is missing."""
    problems = await _problems(request.app.state.runtime)
    if problems:
        response.status_code = 503
    status: Literal["ready", "degraded"] = "degraded" if problems else "ready"
    return _answer(request, ProcessHealth(status=status, problems=problems))


@router.get("/api/health", summary="Which services answer?")
async def read_health(
    caller: Annotated[Caller, needs(Scope.HEALTH_READ)],
) -> Envelope[SystemHealth]:
    """Ask every service that the gateway talks to a small question, all at once."""
    probes = _probes(caller.tenant)
    answers = await asyncio.gather(*(_answers(caller, probe) for probe in probes.values()))
    services: dict[str, Literal["up", "down"]] = {
        name: "up" if up else "down" for name, up in zip(probes, answers, strict=True)
    }
    status: Literal["up", "degraded"] = "up" if all(answers) else "degraded"
    return caller.answer(SystemHealth(status=status, services=services))


def _probes(tenant: str) -> Mapping[str, Query[Message]]:
    return {
        "governance": ListApprovals(tenant_id=tenant, limit=1),
        "htm": GetTasks(),
        "identity": GetCheckpoint(),
        "intent": ListIntents(tenant_id=tenant, limit=1),
        "knowledge": GetIndexStats(tenant_id=tenant),
        "learning": GetSummary(tenant_id=tenant),
        "observability": GetCurrent(tenant_id=tenant),
        "verification": ListMissions(tenant_id=tenant, limit=1),
        "worker": ListTargets(),
    }


async def _answers(caller: Caller, probe: Query[Message]) -> bool:
    """A service that refuses a question is there; one that stays silent is not."""
    timeout = caller.settings.probe_timeout.total_seconds()
    try:
        await caller.runtime.call(probe, timeout=timeout, correlation_id=caller.request_id)
    except GraceError as error:
        return error.kind not in _SILENCE
    return True


async def _problems(runtime: Runtime) -> list[str]:
    problems = []
    if not runtime.client.is_connected:
        problems.append("nats is unreachable")
    if not runtime.keys.loaded:
        problems.append("no signing key yet")
    if (database := await runtime.database_problem()) is not None:
        problems.append(database)
    return problems


def _answer(request: Request, health: ProcessHealth) -> Envelope[ProcessHealth]:
    return Envelope[ProcessHealth](data=health, meta=Meta(request_id=request.state.request_id))
