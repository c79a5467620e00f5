"""What a plan promises, and how it becomes a contract whose bytes never change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final

from grace.verification.domain.state import digest

MOST_ACTIONS: Final = 100
"""What one verification.contract.drafted carries."""
LARGEST_DRAFT: Final = 512 * 1024
"""Bytes of all contracts of a mission: in base64 they must fit one message of 1 MiB."""
_HIGHEST_TIER: Final = 3


class Comparison(StrEnum):
    """How a measured field is held against what was expected."""

    UNSPECIFIED = "unspecified"
    AT_MOST = "at_most"
    AT_LEAST = "at_least"
    RATIO_OF_BASELINE_AT_LEAST = "ratio_of_baseline_at_least"
    ABOVE_BASELINE_AT_MOST = "above_baseline_at_most"


AGAINST_BASELINE: Final = frozenset(
    {Comparison.RATIO_OF_BASELINE_AT_LEAST, Comparison.ABOVE_BASELINE_AT_MOST}
)


@dataclass(frozen=True, slots=True)
class Expectation:
    """One field of the state that an action must bring about."""

    field: str
    comparison: Comparison
    value: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """An operation that only observes."""

    operation: str
    target: str
    params: str
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Action:
    """One typed step of a plan."""

    action_id: str
    sequence: int
    operation: str
    kernel: str
    target: str
    params: str
    params_hash: str
    tier: int
    reversible: bool
    timeout_ms: int
    expectations: tuple[Expectation, ...]
    measurement: Measurement


@dataclass(frozen=True, slots=True)
class Plan:
    """What intent decided to do about one error."""

    mission_id: str
    tenant_id: str
    playbook: str
    playbook_version: int
    kind: str
    target: str
    requested_by: str
    detected_at: datetime
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """The healthy state of a target, measured before the incident."""

    baseline_id: str
    values: Mapping[str, float]
    measured_at: datetime


@dataclass(frozen=True, slots=True)
class Contract:
    """One action with everything it will be judged by."""

    contract_id: str
    mission_id: str
    tenant_id: str
    plan_hash: str
    playbook: str
    playbook_version: int
    requested_by: str
    action: Action
    baseline: Baseline | None
    drafted_at: datetime
    revision: int = 1

    @property
    def baseline_values(self) -> Mapping[str, float]:
        """The baseline's fields; empty where there is none."""
        return self.baseline.values if self.baseline else {}


def draft(
    plan: Plan, action: Action, *, plan_hash: str, baseline: Baseline | None, now: datetime
) -> Contract:
    """Return the contract of one action. A baseline from after the detection is not used."""
    before_incident = baseline is not None and baseline.measured_at < plan.detected_at
    return Contract(
        contract_id=contract_id(plan.mission_id, plan_hash, action.action_id, now=now),
        mission_id=plan.mission_id,
        tenant_id=plan.tenant_id,
        plan_hash=plan_hash,
        playbook=plan.playbook,
        playbook_version=plan.playbook_version,
        requested_by=plan.requested_by,
        action=action,
        baseline=baseline if before_incident else None,
        drafted_at=now,
    )


def contract_id(
    mission_id: str, plan_hash: str, action_id: str, *, now: datetime, revision: int = 1
) -> str:
    """Return `contract-<16 hex>-<unix time>`; the hex names what is promised."""
    named = "\n".join((mission_id, plan_hash, action_id, str(revision)))
    return f"contract-{sha256(named.encode()).hexdigest()[:16]}-{int(now.timestamp())}"


def flaw(plan: Plan) -> str | None:
    """Return why a plan can never be contracted, or None where it can."""
    if not plan.actions:
        return "the plan has no action"
    if len(plan.actions) > MOST_ACTIONS:
        return f"the plan has more than {MOST_ACTIONS} actions"
    if len({action.action_id for action in plan.actions}) < len(plan.actions):
        return "two actions of the plan have the same id"
    if [action.sequence for action in plan.actions] != list(range(len(plan.actions))):
        return "the actions of the plan are not in order"
    return next((found for action in plan.actions if (found := _flaw_of(action))), None)


def size_flaw(contracts: Sequence[bytes]) -> str | None:
    """Return why drafted contracts cannot travel, or None where they can."""
    if sum(map(len, contracts)) > LARGEST_DRAFT:
        return f"the contracts of the plan are larger than {LARGEST_DRAFT} bytes"
    return None


def _flaw_of(action: Action) -> str | None:
    name = f"action {action.action_id}"
    if not action.expectations:
        return f"{name} expects nothing: it could never be verified"
    if any(found.comparison is Comparison.UNSPECIFIED for found in action.expectations):
        return f"{name} has an expectation whose comparison is not known here"
    if digest(action.params) != action.params_hash:
        return f"{name} has other parameters than its hash says"
    if not 1 <= action.tier <= _HIGHEST_TIER:
        return f"{name} has tier {action.tier}, which nobody can approve"
    return None
