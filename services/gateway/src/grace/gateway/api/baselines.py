"""Baselines: how a target measures while it is healthy."""

import json
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from grace.contracts.secrets import objection
from grace.contracts.verification import Baseline, GetBaseline, TakeBaseline
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/verification/benchmarks/baseline", tags=["baselines"])

Reader = Annotated[Caller, needs(Scope.BASELINES_READ)]
Writer = Annotated[Caller, needs(Scope.BASELINES_WRITE)]

_LONGEST_PARAMS = 65536


class NewBaseline(BaseModel):
    """What to measure."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "target": "shop-db",
                "operation": "postgres.activity",
                "params": {"seconds": 4, "warmup_seconds": 1},
                "timeout_ms": 30000,
            }
        },
    )

    target: str = Field(pattern=ID_PATTERN, description="A registered target.")
    operation: str = Field(pattern=ID_PATTERN, description="An operation that only observes.")
    params: dict[str, JsonValue] = Field(
        default={}, description="The operation's parameters, a secret by its name."
    )
    timeout_ms: int = Field(default=30_000, ge=1, le=600_000)

    @field_validator("params")
    @classmethod
    def _fits(cls, params: dict[str, JsonValue]) -> dict[str, JsonValue]:
        if len(_compact(params)) > _LONGEST_PARAMS:
            raise ValueError(f"longer than {_LONGEST_PARAMS} characters of JSON")
        return params

    @model_validator(mode="after")
    def _names_its_secrets(self) -> "NewBaseline":
        if (found := objection(self.operation, _compact(self.params))) is not None:
            raise ValueError(str(found))
        return self


@router.post("", status_code=202, summary="Measure a target as its baseline")
async def take_baseline(
    wanted: NewBaseline, caller: Writer, response: Response
) -> Envelope[Baseline]:
    """Start a measurement; `Location` tells where its result will be."""
    baseline = await caller.ask(
        TakeBaseline(
            tenant_id=caller.tenant,
            target=wanted.target,
            operation=wanted.operation,
            params=_compact(wanted.params),
            timeout_ms=wanted.timeout_ms,
            requested_by=caller.key.principal,
        )
    )
    response.headers["Location"] = f"{router.prefix}/{baseline.baseline_id}"
    return caller.answer(baseline)


@router.get("/{baseline_id}", summary="Read a baseline")
async def read_baseline(baseline_id: Id, caller: Reader) -> Envelope[Baseline]:
    """Return a baseline: `measuring`, `stored` with its values, or `failed` with the reason."""
    question = GetBaseline(tenant_id=caller.tenant, baseline_id=baseline_id)
    return caller.answer(await caller.ask(question))


def _compact(params: dict[str, JsonValue]) -> str:
    return json.dumps(params, separators=(",", ":"), sort_keys=True)
