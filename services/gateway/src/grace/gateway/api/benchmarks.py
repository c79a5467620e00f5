"""Benchmarks: what has a golden baseline is measured again, and held against it."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from grace.contracts.verification import BenchmarkRun, GetBenchmarkRun, RunBenchmarks
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope, Id
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/verification/benchmarks", tags=["benchmarks"])

Reader = Annotated[Caller, needs(Scope.BASELINES_READ)]
Writer = Annotated[Caller, needs(Scope.BASELINES_WRITE)]
_STRICT = ConfigDict(extra="forbid", strict=True)


class SmokeRun(BaseModel):
    """What to measure."""

    model_config = _STRICT | {"json_schema_extra": {"example": {"target": "shop-db"}}}

    target: str | None = Field(
        default=None, pattern=ID_PATTERN, description="Only what is measured of this target."
    )


class RegressionRun(SmokeRun):
    """What to measure, and how far it may be from its baseline."""

    model_config = _STRICT | {
        "json_schema_extra": {"example": {"target": "shop-db", "tolerance": 0.2}}
    }

    tolerance: float = Field(
        default=0.2,
        ge=0,
        le=10,
        allow_inf_nan=False,
        strict=False,
        description="How far the median of the takes may be from the golden value, as a share of it.",
    )


@router.post("/smoke", status_code=202, summary="Measure what has a baseline once")
async def run_smoke(wanted: SmokeRun, caller: Writer, response: Response) -> Envelope[BenchmarkRun]:
    """Begin to measure; it passes when every number of each baseline is there again."""
    return await _begin(caller, response, "smoke", wanted.target, None)


@router.post("/regression", status_code=202, summary="Hold what has a baseline against it")
async def run_regression(
    wanted: RegressionRun, caller: Writer, response: Response
) -> Envelope[BenchmarkRun]:
    """Begin to measure three times; it passes when no field and no distribution has drifted."""
    return await _begin(caller, response, "regression", wanted.target, wanted.tolerance)


@router.get("/runs/{run_id}", summary="Read a run of benchmarks")
async def read_run(run_id: Id, caller: Reader) -> Envelope[BenchmarkRun]:
    """Return a run: `measuring`, or its result with the drift of each field."""
    question = GetBenchmarkRun(tenant_id=caller.tenant, run_id=run_id)
    return caller.answer(await caller.ask(question))


async def _begin(
    caller: Caller, response: Response, suite: str, target: str | None, tolerance: float | None
) -> Envelope[BenchmarkRun]:
    run = await caller.ask(
        RunBenchmarks(
            tenant_id=caller.tenant,
            suite=suite,
            requested_by=caller.key.principal,
            target=target,
            tolerance=tolerance,
        )
    )
    response.headers["Location"] = f"{router.prefix}/runs/{run.run_id}"
    return caller.answer(run)
