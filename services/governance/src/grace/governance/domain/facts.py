"""What is known of one planned action when a policy judges it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime

from grace.governance.domain.autonomy import INITIAL
from grace.governance.domain.budgets import Room
from grace.governance.domain.plans import Plan, Written
from grace.governance.domain.tiers import UNKNOWN_ENVIRONMENT, Limits, Tier, tiering


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

    def within(self, room: Room) -> "Facts":
        """The same with what its plan may rely on."""
        return replace(
            self,
            autonomy=room.level.value,
            standing_approval=room.trust is not None,
            recent_changes=room.recent_changes,
            change_budget=room.change_budget,
        )

    def context(self) -> dict[str, object]:
        """What Cedar calls the context: all that is neither playbook nor target."""
        outside = {"playbook", "target", "target_class", "environment", "raised_by"}
        return {name: value for name, value in asdict(self).items() if name not in outside}


class FactsError(ValueError):
    """These facts are not what a policy can judge."""


def facts_of(plan: Plan, *, limits: Limits, now: datetime) -> list[Facts]:
    """The facts of each action of a plan without flaw, in its order."""
    targets = len({draft.written.target for draft in plan.drafts})
    return [
        _facts(draft.written, limits, targets=targets, actions=len(plan.drafts), now=now)
        for draft in plan.drafts
    ]


def facts_from(given: Mapping[str, object]) -> Facts:
    """Facts as somebody wrote them down; what is not said is what harms least to assume.

    FactsError for a name that is no fact, and for a value of another type.
    """
    if strange := sorted(given.keys() - _TYPES.keys()):
        raise FactsError(f"{strange[0]} is no fact; there are {', '.join(_TYPES)}")
    told = {**_ASSUMED, **given}
    for name, kind in _TYPES.items():
        if type(told[name]) is not kind:
            raise FactsError(f"{name} is {kind.__name__}, not {told[name]!r}")
    if "tier" not in given:
        told["tier"] = told["operation_tier"]
    return Facts(**told)  # type: ignore[arg-type]


def _facts(written: Written, limits: Limits, *, targets: int, actions: int, now: datetime) -> Facts:
    environment = written.environment or UNKNOWN_ENVIRONMENT
    instant = now.astimezone(UTC)
    found = tiering(
        Tier(written.tier),
        reversible=written.reversible,
        environment=environment,
        targets=targets,
        limits=limits,
    )
    return Facts(
        playbook=written.playbook,
        target=written.target,
        target_class=written.kernel,
        environment=environment,
        operation=written.operation,
        kernel=written.kernel,
        tier=found.tier.value,
        operation_tier=written.tier,
        reversible=written.reversible,
        requested_by=written.requested_by,
        tenant=written.tenant_id,
        actions=actions,
        targets=targets,
        hour=instant.hour,
        weekday=instant.isoweekday(),
        raised_by="; ".join(found.raised_by),
    )


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
}
