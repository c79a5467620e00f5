"""What a plan promises, and how it becomes a contract whose bytes never change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final

from grace.verification.domain.state import digest

MOST_ACTIONS: Final = 100
"""What one verification.contract.drafted carries."""
LARGEST_DRAFT: Final = 512 * 1024
"""Bytes of all contracts of a mission: in base64 they must fit one message of 1 MiB."""
MOST_TAKES: Final = 500
"""Of one action, over all of its measures."""
LONGEST_PLAN: Final = timedelta(hours=1)
"""From the end of an action to its last take: so long it may keep its target."""
_HIGHEST_TIER: Final = 3
_HIGHEST_ALPHA: Final = 0.5


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


class Direction(StrEnum):
    """Where a distribution must not have moved."""

    UNSPECIFIED = "unspecified"
    NOT_LOWER = "not_lower"
    NOT_HIGHER = "not_higher"


@dataclass(frozen=True, slots=True)
class DistributionTest:
    """A field whose distribution must not have moved against the one before the incident."""

    field: str
    direction: Direction
    alpha: float


@dataclass(frozen=True, slots=True)
class Measure:
    """A measurement of the verification plan, and how many of its takes may go wrong."""

    name: str
    measurement: Measurement
    expectations: tuple[Expectation, ...]
    distributions: tuple[DistributionTest, ...] = ()
    count: int = 1
    warmup: timedelta = timedelta(0)
    interval: timedelta = timedelta(0)
    failures_at_most: int = 0
    inconclusives_at_most: int = 0
    errors_at_most: int = 0
    successes_at_least: int = 1
    dry_run: bool = False

    def due_after(self, number: int) -> timedelta:
        """How long after the action the take of that number (from 1) is due."""
        return self.warmup + self.interval * (number - 1)


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
    measures: tuple[Measure, ...] = ()
    environment: str | None = None
    definitions: tuple[tuple[str, str], ...] = ()  # what each target stood for when it was planned

    def definition_of(self, target: str) -> str | None:
        """What one of its targets must stand for; None where the plan does not say it."""
        return dict(self.definitions).get(target)


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
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The healthy state of a target, measured before the incident."""

    baseline_id: str
    values: Mapping[str, float]
    measured_at: datetime
    samples: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


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
    baselines: Mapping[str, Baseline] = field(default_factory=dict)  # by the name of the measure
    severity: str | None = None

    @property
    def baseline_values(self) -> Mapping[str, float]:
        """The baseline's fields; empty where there is none."""
        return self.baseline.values if self.baseline else {}


def draft(
    plan: Plan,
    action: Action,
    *,
    plan_hash: str,
    baseline: Baseline | None,
    now: datetime,
    baselines: Mapping[str, Baseline] = MappingProxyType({}),
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
        baselines={
            name: found for name, found in baselines.items() if found.measured_at < plan.detected_at
        },
        severity=plan.severity,
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
    wrong = _flaw_of_measures(action.measures)
    return f"{name}: {wrong}" if wrong else None


def _flaw_of_measures(measures: Sequence[Measure]) -> str | None:
    if len({measure.name for measure in measures}) < len(measures):
        return "two measures have the same name"
    if sum(measure.count for measure in measures) > MOST_TAKES:
        return f"its measures are taken more than {MOST_TAKES} times"
    wrong = ((measure, _flaw_of_measure(measure)) for measure in measures)
    return next((f"measure {measure.name} {flaw}" for measure, flaw in wrong if flaw), None)


def _flaw_of_measure(measure: Measure) -> str | None:
    if not (measure.expectations or measure.distributions or measure.dry_run):
        return "expects nothing: it could decide nothing"
    comparisons = {each.comparison for each in measure.expectations}
    directions = {each.direction for each in measure.distributions}
    if Comparison.UNSPECIFIED in comparisons or Direction.UNSPECIFIED in directions:
        return "has a comparison or a direction that is not known here"
    if any(not 0 < each.alpha <= _HIGHEST_ALPHA for each in measure.distributions):
        return f"has an alpha that is not above 0 and at most {_HIGHEST_ALPHA}"
    if not 1 <= measure.successes_at_least <= measure.count:
        return f"can never have {measure.successes_at_least} of {measure.count} takes succeed"
    if measure.due_after(measure.count) > LONGEST_PLAN:
        return f"takes longer than {LONGEST_PLAN}"
    return None
