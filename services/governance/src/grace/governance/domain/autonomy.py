"""How much a playbook may do on its own against a class of targets: earned by what was measured."""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

# How sure one is that the true share of successes is at least the lower bound.
_CREDIBILITY = 0.95
_STEPS = 40  # Of the bisection: 2^-40 is less than anybody reads.


class Level(StrEnum):
    """The rungs of the ladder, lowest first."""

    OFF = "off"  # Its plans are refused.
    SUGGEST = "suggest"  # People are asked, whatever the tier.
    APPROVE = "approve"  # Tier 1 runs at once; people are asked for the rest.
    AUTO = "auto"  # Tier 2 runs at once, too, under a standing approval.


LADDER = tuple(Level)
INITIAL = Level.APPROVE
PROMOTED_BY = "evidence"
VERIFIED = "verified"
# What rests until a person decides, beside the verdicts.
RESTING = "needs_attention"
UNDO_STOPPED = "undo_stopped"
_UNDONE = frozenset({"rolled_back", "rollback_failed", UNDO_STOPPED})


@dataclass(frozen=True, slots=True)
class Key:
    """Whose autonomy it is."""

    tenant_id: str
    playbook: str
    target_class: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a playbook stands; what was measured counts since the last change of its level."""

    key: Key
    level: Level
    version: int
    verified: int
    failed: int
    changed_at: datetime | None
    changed_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Bar:
    """What evidence a promotion needs."""

    verified: int
    lower_bound: float


@dataclass(frozen=True, slots=True)
class Measured:
    """How one contract ended; `before` is the verdict of its earlier revision, if it counted."""

    verdict: str
    executed: bool
    contract_id: str
    before: str | None = None


def first(key: Key) -> Standing:
    """Where everybody begins."""
    return Standing(key, INITIAL, 0, 0, 0, None, "grace", "where every playbook begins")


def lower_bound(verified: int, failed: int) -> float:
    """The share of successes that is surpassed with 95 %: the quantile of Beta(1 + v, 1 + f)."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _chance_below(middle, verified, failed) > 1 - _CREDIBILITY:
            high = middle
        else:
            low = middle
    return low


def has_earned_more(standing: Standing, bar: Bar) -> bool:
    """Whether what was measured carries the next rung."""
    return (
        standing.verified >= bar.verified
        and lower_bound(standing.verified, standing.failed) >= bar.lower_bound
    )


def after(standing: Standing, measured: Measured, bar: Bar, *, now: datetime) -> Standing:
    """Where a playbook stands once one more contract has ended; a new version where it moved.

    A rollback takes one rung at once, whatever was before, and once: its end, or that it stops for a
    person. So does at `auto` any effect that did not hold. What was never executed says nothing.
    """
    if not measured.executed or measured.verdict == measured.before:
        return standing
    counted = _without(standing, measured.before)
    if measured.verdict == VERIFIED:
        return _promoted(replace(counted, verified=counted.verified + 1), bar, now)
    counted = replace(counted, failed=counted.failed + 1)
    if measured.before in _UNDONE:
        return counted
    if measured.verdict in _UNDONE or counted.level is Level.AUTO:
        return _demoted(counted, _reason_of(measured), now)
    return counted


def _reason_of(measured: Measured) -> str:
    if measured.verdict in {RESTING, UNDO_STOPPED}:
        return f"contract {measured.contract_id} needs a person: {measured.verdict}"
    return f"contract {measured.contract_id} ended as {measured.verdict}"


def moved(standing: Standing, level: Level, *, by: str, reason: str, now: datetime) -> Standing:
    """On another rung; evidence begins anew."""
    return Standing(standing.key, level, standing.version + 1, 0, 0, now, by, reason)


def _promoted(standing: Standing, bar: Bar, now: datetime) -> Standing:
    if standing.level not in {Level.SUGGEST, Level.APPROVE} or not has_earned_more(standing, bar):
        return standing
    bound = lower_bound(standing.verified, standing.failed)
    reason = f"{standing.verified} verified and {standing.failed} not: with 95 % at least {bound:.3f} hold"
    level = LADDER[LADDER.index(standing.level) + 1]
    return moved(standing, level, by=PROMOTED_BY, reason=reason, now=now)


def _demoted(standing: Standing, reason: str, now: datetime) -> Standing:
    if standing.level in {Level.OFF, Level.SUGGEST}:
        return standing
    level = LADDER[LADDER.index(standing.level) - 1]
    return moved(standing, level, by=PROMOTED_BY, reason=reason, now=now)


def _without(standing: Standing, verdict: str | None) -> Standing:
    """A later revision takes the place of its predecessor."""
    match verdict:
        case None:
            return standing
        case "verified":
            return replace(standing, verified=max(0, standing.verified - 1))
        case _:
            return replace(standing, failed=max(0, standing.failed - 1))


def _chance_below(share: float, verified: int, failed: int) -> float:
    """The chance that the true share is below `share`: for whole counts a tail of the binomial."""
    if not 0 < share < 1:
        return float(share >= 1)
    n = verified + failed + 1
    logs = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log1p(-share) + (n - k) * math.log(share)
        for k in range(failed + 1)
    )  # fmt: skip
    return math.fsum(math.exp(each) for each in logs)
