"""Tiers of risk: what raises one, and how many people each needs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import assert_never

UNKNOWN_ENVIRONMENT = "unknown"
# Different targets of one plan where nobody set another limit.
MOST_TARGETS = 20


class Tier(IntEnum):
    """How much an action risks."""

    HARMLESS = 1
    REVERSIBLE = 2
    DANGEROUS = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a change risks more than its operation says of itself."""

    # Where what cannot be undone is dangerous; an environment that nobody told is one of them.
    protected_environments: frozenset[str]
    # The most different targets of a plan before each of its changes is one tier higher.
    blast_radius: int
    # The most of any plan: what names more is not for people to approve either.
    most_targets: int = MOST_TARGETS


@dataclass(frozen=True, slots=True)
class Tiering:
    """A tier, and what raised it above the operation's own."""

    tier: Tier
    raised_by: tuple[str, ...]


def tiering(
    operation: Tier, *, reversible: bool, environment: str, targets: int, limits: Limits
) -> Tiering:
    """The tier of a change: the operation's own, higher by one for each thing that raises it.

    What is harmless stays so wherever it is done: it changes nothing.
    """
    if operation is Tier.HARMLESS:
        return Tiering(operation, ())
    raised_by = tuple(_raises(reversible, environment, targets, limits))
    return Tiering(Tier(min(operation + len(raised_by), Tier.DANGEROUS)), raised_by)


def approvers_needed(tier: Tier) -> int:
    """How many different people must approve."""
    match tier:
        case Tier.HARMLESS:
            return 0
        case Tier.REVERSIBLE:
            return 1
        case Tier.DANGEROUS:
            return 2
        case _:
            assert_never(tier)


def highest(tiers: Iterable[Tier]) -> Tier:
    """The tier of a plan: its riskiest action decides for all. ValueError for no action."""
    return max(tiers)


def _raises(reversible: bool, environment: str, targets: int, limits: Limits) -> Iterator[str]:
    protected = environment in {*limits.protected_environments, UNKNOWN_ENVIRONMENT}
    if protected and not reversible:
        yield f"it cannot be undone, and its environment is {environment}"
    if targets > limits.blast_radius:
        yield f"its plan changes {targets} targets, more than {limits.blast_radius}"
