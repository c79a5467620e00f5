"""Policies before they are in force: tried on cases, and on the plans of the last days."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from grace.contracts.governance import (
    PolicyCandidate,
    PolicyCase,
    ReplayedRulings,
    ReplayRulings,
    SimulatedMove,
    SimulatedPolicies,
    SimulatePolicies,
    TriedPolicies,
    TryPolicies,
)
from grace.gateway.api.callers import Caller, needs
from grace.gateway.api.envelope import ID_PATTERN, Envelope
from grace.gateway.api.policies import EXAMPLE, NAME, Kind
from grace.gateway.domain.access import Scope

router = APIRouter(prefix="/api/governance/policies", tags=["governance"])

Reader = Annotated[Caller, needs(Scope.GOVERNANCE_READ)]
# Nobody waits for more than this; a longer time is said to be cut.
_MOST_PARTS = 200
_SHOWN_MOVES = 100


class Candidate(BaseModel):
    """Policies that are not in force."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(
        default="candidate",
        pattern=NAME,
        description="In whose place it is tried; beside all others where there is none such.",
    )
    kind: Kind = "policy"
    text: str = Field(min_length=1, max_length=65_536, description="Cedar policies.")


class Case(BaseModel):
    """What somebody wants to know of one action."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1, max_length=200)
    given: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Facts by name, as in the schema, with `playbook`, `target`, `target_class` and "
        "`environment`; what is not said is what risks most.",
    )


class Trial(BaseModel):
    """Cases, and policies to try them on."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "candidate": {"name": "night", "text": EXAMPLE},
                "cases": [
                    {"name": "at night", "given": {"operation_tier": 1, "hour": 3}},
                ],
            }
        },
    )

    candidate: Candidate | None = Field(
        default=None, description="None: what is in force now is tried."
    )
    cases: list[Case] = Field(default_factory=list, max_length=500)


class Past(BaseModel):
    """How far back, and by which policies."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {"candidate": {"name": "night", "text": EXAMPLE}, "days": 30}
        },
    )

    candidate: Candidate | None = Field(
        default=None, description="None: what is in force now is tried."
    )
    days: float = Field(default=30.0, gt=0, le=3660, description="How far back, in days.")


class OnePast(BaseModel):
    """Which mission, and by which policies."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "example": {
                "mission_id": "mission-0199a6d2",
                "candidate": {"name": "night", "text": EXAMPLE},
            }
        },
    )

    mission_id: str = Field(pattern=ID_PATTERN, description="An id as Grace gave it.")
    candidate: Candidate | None = Field(
        default=None, description="None: what is in force now is tried."
    )


class Simulation(BaseModel):
    """What other policies would have made of the plans that there were."""

    problems: tuple[str, ...] = Field(description="Why these policies cannot come into force.")
    judged: int = Field(description="Plans that were judged again.")
    same: int = Field(description="Plans that would have ended alike.")
    changes: dict[str, int] = Field(
        description="How many of each other end.", examples=[{"granted -> refused": 3}]
    )
    moves: tuple[SimulatedMove, ...] = Field(
        description="The first 100 plans that would have ended otherwise, and why."
    )
    complete: bool = Field(description="False where there were more than 100,000 plans.")


@router.post("/test", summary="Try policies on cases")
async def try_policies(trial: Trial, caller: Reader) -> Envelope[TriedPolicies]:
    """Return how each case would end. `problems` names what is wrong with the policies themselves."""
    cases = tuple(PolicyCase(name=case.name, facts=json.dumps(case.given)) for case in trial.cases)
    question = TryPolicies(
        tenant_id=caller.tenant, cases=cases, candidate=_candidate(trial.candidate)
    )
    return caller.answer(await caller.ask(question))


@router.post("/simulate", summary="Try policies on the plans that there were")
async def simulate_policies(past: Past, caller: Reader) -> Envelope[Simulation]:
    """Judge every recorded plan of the last days again; nothing is changed by it."""
    until = datetime.now(UTC)
    after, last = until - timedelta(days=past.days), ""
    parts: list[SimulatedPolicies] = []
    candidate = _candidate(past.candidate)
    for _ in range(_MOST_PARTS):
        question = SimulatePolicies(
            tenant_id=caller.tenant,
            candidate=candidate,
            after_at=after,
            after_id=last,
            until=until,
        )
        parts.append(await caller.ask(question))
        if parts[-1].last_at is None or parts[-1].last_id is None:
            break
        after, last = parts[-1].last_at, parts[-1].last_id
    return caller.answer(_summed(parts))


@router.post(
    "/replay",
    summary="Try policies on the plans of one mission",
    responses={404: {"description": "No policy ever decided on a plan of such a mission."}},
)
async def replay_rulings(past: OnePast, caller: Reader) -> Envelope[ReplayedRulings]:
    """Return what was made of each of its plans beside what would be; nothing is changed by it.

    422 where the policies could not come into force, 404 where no plan of the mission was ruled on.
    """
    question = ReplayRulings(
        tenant_id=caller.tenant,
        mission_id=past.mission_id,
        candidate=_candidate(past.candidate),
    )
    return caller.answer(await caller.ask(question))


def _candidate(given: Candidate | None) -> PolicyCandidate | None:
    return None if given is None else PolicyCandidate(**given.model_dump())


def _summed(parts: list[SimulatedPolicies]) -> Simulation:
    moves = [move for part in parts for move in part.moves]
    judged = sum(part.judged for part in parts)
    return Simulation(
        problems=parts[0].problems,
        judged=judged,
        same=judged - len(moves),
        changes=dict(Counter(f"{move.was} -> {move.would_be}" for move in moves)),
        moves=tuple(moves[:_SHOWN_MOVES]),
        complete=parts[-1].last_at is None,
    )
