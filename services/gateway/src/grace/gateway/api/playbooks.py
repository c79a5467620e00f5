"""Playbooks: checked, tested, tried over what was recorded, and taken into force."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from grace.contracts.intent import (
    CheckedPlaybook,
    CheckPlaybook,
    ImportedPlaybook,
    ImportPlaybook,
    RunShadow,
    ShadowReport,
    TestedPlaybook,
    TestPlaybook,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import Envelope
from grace.gateway.api.instants import Instant
from grace.gateway.domain.access import HOUSE_TENANT, Scope
from grace.kit import Forbidden

router = APIRouter(prefix="/api/playbooks", tags=["playbooks"])

Reader = Annotated[Caller, needs(Scope.PLAYBOOKS_READ)]
Writer = Annotated[Caller, needs(Scope.PLAYBOOKS_WRITE)]
_MOST_SOURCE = 65_536
_SOURCE = """\
playbook: log-too-large
version: 1
trigger:
  condition: kind == "filesystem.log_too_large"
steps:
  - action: {operation: filesystem.rotate_log, params: {path: app.log}}
    measurement: {operation: filesystem.usage, params: {path: .}}
    expectations: [{field: bytes, comparison: at_most, value: 1000}]
"""
_FIXTURES = """\
cases:
  - name: a large log is rotated
    error: {kind: filesystem.log_too_large, target: app-1}
    expect: {applies: true}
"""
_EXAMPLE: dict[str, JsonValue] = {"source": _SOURCE}


class NotTheHouse(Forbidden):
    """Playbooks are all tenants' together: a key of the tenant `default` is needed."""


class Source(BaseModel):
    """The text of a playbook."""

    model_config = ConfigDict(extra="forbid", strict=True, json_schema_extra={"example": _EXAMPLE})

    source: str = Field(min_length=1, max_length=_MOST_SOURCE, description="YAML.")


class Tested(Source):
    """A playbook with its fixtures."""

    model_config = ConfigDict(json_schema_extra={"example": {**_EXAMPLE, "fixtures": _FIXTURES}})

    fixtures: str = Field(
        min_length=1, max_length=_MOST_SOURCE, description="YAML: errors, and what is to be done."
    )


class Shadow(BaseModel):
    """Which recorded missions, and with which playbook besides those in force."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": _EXAMPLE})

    source: str | None = Field(
        default=None, min_length=1, max_length=_MOST_SOURCE, description="YAML; none where absent."
    )
    since: Instant | None = Field(default=None, description="A week ago where absent.")
    limit: int = Field(default=100, ge=1, le=500, description="The newest so many.")


@router.post("/check", summary="Check a playbook")
async def check_playbook(wanted: Source, caller: Reader) -> Envelope[CheckedPlaybook]:
    """Tell what is wrong with a playbook, by line: its text, its condition, its operations."""
    return caller.answer(await caller.ask(CheckPlaybook(source=wanted.source)))


@router.post("/test", summary="Run the fixtures of a playbook")
async def check_fixtures(wanted: Tested, caller: Reader) -> Envelope[TestedPlaybook]:
    """Decide about each error of the fixtures, and compare. 422 where a text is not understood."""
    question = TestPlaybook(source=wanted.source, fixtures=wanted.fixtures)
    return caller.answer(await caller.ask(question))


@router.post("/shadow", summary="Run the planner over recorded missions")
async def run_shadow(wanted: Shadow, caller: Reader) -> Envelope[ShadowReport]:
    """Report what would have been done, and where that differs. Nothing is stored or acts."""
    since = wanted.since or datetime.now(UTC) - timedelta(days=7)
    question = RunShadow(
        tenant_id=caller.tenant, since=since, limit=wanted.limit, playbook=wanted.source
    )
    return caller.answer(await caller.ask(question))


@router.post("/import", status_code=201, summary="Take a playbook into force")
async def import_playbook(wanted: Source, caller: Writer) -> Envelope[ImportedPlaybook]:
    """Pin a sound playbook to its text and take it into force; the same twice is the same.

    422 where it is not sound, 409 where its version is pinned to another text.
    """
    if caller.tenant != HOUSE_TENANT:
        raise NotTheHouse
    wish = ImportPlaybook(source=wanted.source, principal=caller.key.principal)
    return caller.answer(await caller.ask(wish))
