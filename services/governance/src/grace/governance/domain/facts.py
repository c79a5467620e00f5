"""What is known of one planned action when a policy judges it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime

from grace.governance.domain.autonomy import INITIAL
from grace.governance.domain.bounds import Bounds
from grace.governance.domain.budgets import Room
from grace.governance.domain.plans import Plan, Written
from grace.governance.domain.tiers import MOST_TARGETS, UNKNOWN_ENVIRONMENT, Limits, Tier, tiering


@dataclass(frozen=True, slots=True)
class Facts:
    """One action of a plan, as policies see it; kept with the ruling, so that it can be judged again."""

    playbook: str
    target: str
    target_class: str
    environment: str
    operation: str
    kernel: str
    tier: int
    operation_tier: int
    reversible: bool
    requested_by: str
    tenant: str
    actions: int
    targets: int
    hour: int
    weekday: int
    raised_by: str = ""  # What made the tier higher than the operation's own.
    autonomy: str = INITIAL.value
    standing_approval: bool = False
    recent_changes: int = 0
    change_budget: int = 0
    brake: bool = False
    on_target: int = 1
    recent_on_target: int = 0
    target_budget: int = 1
    most_targets: int = MOST_TARGETS

    def within(self, room: Room) -> "Facts":
        """The same with what its plan may rely on."""
        return replace(
            self,
            autonomy=room.level.value,
            standing_approval=room.trust is not None,
            recent_changes=room.recent_changes,
            change_budget=room.change_budget,
        )

    def bounded_by(self, bounds: Bounds) -> "Facts":
        """The same with what holds whoever planned it."""
        return replace(
            self,
            brake=bounds.brake,
            recent_on_target=bounds.recent[self.target],
            target_budget=bounds.target_budget,
        )

    def context(self) -> dict[str, object]:
        """What Cedar calls the context: all that is neither playbook nor target."""
        outside = {"playbook", "target", "target_class", "environment", "raised_by"}
        return {name: value for name, value in asdict(self).items() if name not in outside}


class FactsError(ValueError):
    """These facts are not what a policy can judge."""


def facts_of(plan: Plan, *, limits: Limits, now: datetime) -> list[Facts]:
    """The facts of each action of a plan without flaw, in its order."""
    on_targets = Counter(draft.written.target for draft in plan.drafts)
    return [_facts(draft.written, limits, on_targets, now) for draft in plan.drafts]


def facts_from(given: Mapping[str, object], limits: Limits) -> Facts:
    """Facts as somebody wrote them down; what is not said is what harms least to assume.

    The tier is raised as that of a plan is, but where it is said. FactsError for a name that is no
    fact, for a value of another type, and for a tier that there is not.
    """
    if strange := sorted(given.keys() - _TYPES.keys()):
        raise FactsError(f"{strange[0]} is no fact; there are {', '.join(_TYPES)}")
    told = {**_ASSUMED, **given}
    for name, other in (("kernel", "target_class"), ("target_class", "kernel")):
        if name in given and other not in given:  # of a plan they are the same
            told[other] = told[name]
    for name, kind in _TYPES.items():
        if type(told[name]) is not kind:
            raise FactsError(f"{name} is {kind.__name__}, not {told[name]!r}")
    for name in ("tier", "operation_tier"):
        if told[name] not in {*Tier}:
            raise FactsError(f"{name} is 1, 2 or 3, not {told[name]!r}")
    facts = Facts(**told)  # type: ignore[arg-type]
    return facts if "tier" in given else _raised(facts, limits)


def _facts(written: Written, limits: Limits, on_targets: Counter[str], now: datetime) -> Facts:
    instant = now.astimezone(UTC)
    facts = Facts(
        playbook=written.playbook,
        target=written.target,
        target_class=written.kernel,
        environment=written.environment or UNKNOWN_ENVIRONMENT,
        operation=written.operation,
        kernel=written.kernel,
        tier=written.tier,
        operation_tier=written.tier,
        reversible=written.reversible,
        requested_by=written.requested_by,
        tenant=written.tenant_id,
        actions=on_targets.total(),
        targets=len(on_targets),
        hour=instant.hour,
        weekday=instant.isoweekday(),
        on_target=on_targets[written.target],
        most_targets=limits.most_targets,
    )
    return _raised(facts, limits)


def _raised(facts: Facts, limits: Limits) -> Facts:
    found = tiering(
        Tier(facts.operation_tier),
        reversible=facts.reversible,
        environment=facts.environment,
        targets=facts.targets,
        limits=limits,
    )
    return replace(facts, tier=found.tier.value, raised_by="; ".join(found.raised_by))


_TYPES: Mapping[str, type] = {each.name: each.type for each in fields(Facts)}  # type: ignore[misc]
_ASSUMED: Mapping[str, object] = {
    "playbook": "playbook",
    "target": "target",
    "target_class": UNKNOWN_ENVIRONMENT,
    "environment": UNKNOWN_ENVIRONMENT,
    "operation": "operation",
    "kernel": "kernel",
    "tier": 3,
    "operation_tier": 3,
    "reversible": False,
    "requested_by": "somebody",
    "tenant": "default",
    "actions": 1,
    "targets": 1,
    "hour": 12,
    "weekday": 1,
    "raised_by": "",
    "autonomy": INITIAL.value,
    "standing_approval": False,
    "recent_changes": 0,
    "change_budget": 0,
    "brake": False,
    "on_target": 1,
    "recent_on_target": 0,
    "target_budget": 1,
    "most_targets": MOST_TARGETS,
}
