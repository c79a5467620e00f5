"""TriggerMesh: which errors are equal, and how many make a mission, by the rules in force.

The best rule that an error fits shapes it: the same order in which playbooks are candidates.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from grace.intent.domain.condition import ConditionError, holds
from grace.intent.domain.playbook import Playbook, Threshold
from grace.intent.domain.reporter import Report
from grace.intent.domain.signal import Group, Signal


@dataclass(frozen=True, slots=True)
class Pending:
    """Too few so far; these times may yet count, until they expire. With who reported then."""

    times: tuple[datetime, ...]
    expires_at: datetime
    reports: tuple[Report, ...] = ()


def shape(signals: Sequence[Signal], playbooks: Iterable[Playbook]) -> list[Signal]:
    """Return the signals with the group and the threshold that the rules give them."""
    rules = sorted(playbooks, key=lambda one: (-one.trigger.priority, one.name))
    found: dict[tuple[str, ...], Playbook | None] = {}
    return [_shaped(signal, found, rules) for signal in signals]


def ripen(
    group: Group, times: Sequence[datetime], before: Sequence[Report] = ()
) -> Group | Pending:
    """Add what came before: a group that opens a mission, or what to remember of one too small."""
    threshold = group.first.threshold
    if threshold is None:
        return group
    seen = sorted([*times, *(signal.detected_at for signal in group.signals)])
    if _reached(seen, threshold):
        return replace(group, earlier=tuple(times), before=tuple(before))
    since = seen[-1] - threshold.within
    kept = tuple(at for at in seen if at >= since)  # just so long is within, as it is above
    told = replace(group, before=tuple(before)).reports
    told = tuple(each for each in told if each.fired_at >= since)
    return Pending(kept, kept[-1] + threshold.within, told)


def _reached(seen: Sequence[datetime], threshold: Threshold) -> bool:
    """Tell whether any so many of them lie within so long."""
    last = threshold.count - 1
    return any(
        end - begin <= threshold.within for begin, end in zip(seen, seen[last:], strict=False)
    )


def _shaped(
    signal: Signal, found: dict[tuple[str, ...], Playbook | None], rules: Sequence[Playbook]
) -> Signal:
    facts = facts_of(signal)
    key = tuple(facts.values())
    if key not in found:  # equal errors are asked about once
        found[key] = next((rule for rule in rules if _fits(rule, facts)), None)
    rule = found[key]
    if rule is None:
        return signal
    trigger = rule.trigger
    group = None
    if trigger.group_by is not None:
        parts = (f"{name}={facts[name]}" for name in trigger.group_by)
        group = "/".join((rule.name, *parts))
    return replace(signal, group=group, threshold=trigger.accumulate)


def facts_of(signal: Signal) -> Mapping[str, str]:
    """Return what rules may look at."""
    return {
        "kind": signal.kind,
        "severity": signal.severity,
        "source": signal.source,
        "target": signal.target or "",
        "tenant": signal.tenant,
    }


def _fits(playbook: Playbook, facts: Mapping[str, str]) -> bool:
    try:
        return holds(playbook.trigger.condition, facts)
    except ConditionError:
        return False
