"""Tiers of risk, and how many people each needs."""

from collections.abc import Iterable
from enum import IntEnum
from typing import assert_never


class Tier(IntEnum):
    """How much an action risks."""

    HARMLESS = 1
    REVERSIBLE = 2
    DANGEROUS = 3


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
