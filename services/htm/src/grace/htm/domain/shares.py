"""Who may hold how much: capacity, quotas of origins, and what of them is lent."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

REST = ""
"""Stands for all origins without a quota: they share what the others leave."""
_WHOLE = 100

Queue = tuple[str, str]
"""A tenant and an origin: who stands in one line."""


@dataclass(frozen=True, slots=True)
class Quota:
    """An origin's share of the capacity.

    `lends`: what it leaves idle is lent, and it may borrow. Otherwise its share is a wall: what it
    leaves idle waits for it, and it never holds more.
    """

    origin: str
    share_percent: int
    weight: float = 1.0
    lends: bool = True


_UNLISTED = Quota(REST, 0)


@dataclass(frozen=True, slots=True)
class Shares:
    """How many tasks may be in flight, and for whom."""

    capacity: int
    quotas: Mapping[str, Quota]

    def quota_of(self, origin: str) -> Quota:
        """The quota that an origin is under."""
        return self.quotas.get(origin, _UNLISTED)

    def part_of(self, origin: str) -> int:
        """How many tasks an origin may always hold; rounded down, so that the sum fits."""
        if origin not in self.quotas:
            return self.capacity - sum(map(self._part, self.quotas.values()))
        return self._part(self.quotas[origin])

    def _part(self, quota: Quota) -> int:
        return self.capacity * quota.share_percent // _WHOLE


def version_of(shares: Shares) -> str:
    """A word of 16 characters that other shares do not have."""
    quotas = sorted(shares.quotas.values(), key=lambda quota: quota.origin)
    parts = [str(shares.capacity)] + [
        f"{each.origin} {each.share_percent} {each.weight!r} {each.lends}" for each in quotas
    ]
    return sha256("\n".join(parts).encode()).hexdigest()[:16]


_MOST_CAPACITY = 1_000_000
_LIGHTEST, _HEAVIEST = 0.001, 1000.0


def objection_to(capacity: int, quotas: Sequence[Quota]) -> str | None:
    """Why shares cannot be as somebody wants them."""
    if not 1 <= capacity <= _MOST_CAPACITY:
        return f"a capacity is 1 to {_MOST_CAPACITY}"
    origins = [quota.origin for quota in quotas]
    if len(set(origins)) < len(origins):
        return "an origin has two quotas: give it one"
    total = sum(quota.share_percent for quota in quotas)
    if total > _WHOLE:
        return f"the shares add up to {total} %: give at most {_WHOLE} %"
    return next(filter(None, (_objection(capacity, quota) for quota in quotas)), None)


def _objection(capacity: int, quota: Quota) -> str | None:
    if not _LIGHTEST <= quota.weight <= _HEAVIEST:
        return f"the weight of {quota.origin} is {_LIGHTEST:g} to {_HEAVIEST:g}"
    is_wall = quota.share_percent > 0 and not quota.lends
    if is_wall and capacity * quota.share_percent < _WHOLE:
        return (
            f"{quota.share_percent} % of {capacity} is no whole task, and {quota.origin} may not"
            " borrow: give it more, or let it lend"
        )
    return None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an origin holds of the part that is always its own."""

    origin: str
    held: int
    part: int

    @property
    def utilization(self) -> float:
        """The ratio to two places; above 1 while it borrows. A part of nothing counts as one task."""
        return round(self.held / max(1, self.part), 2)


def usages_of(shares: Shares, held: Mapping[Queue, int]) -> list[Usage]:
    """Each origin that has a quota or holds a task."""
    counts = Counter[str](dict.fromkeys(shares.quotas, 0))
    for (_, origin), count in held.items():
        counts[origin] += count
    return [Usage(origin, counts[origin], shares.part_of(origin)) for origin in sorted(counts)]


class Claim(IntEnum):
    """By what right an origin would get a task; the lower one goes first."""

    OWN = 0
    BORROWED = 1


class Ledger:
    """Counts who holds what while tasks are handed out. Standings only ever get worse."""

    def __init__(self, shares: Shares, held: Mapping[Queue, int]) -> None:
        """Begin with what is held already."""
        self._shares = shares
        self._loads = defaultdict[Queue, int](int, held)
        self._held = defaultdict[str, int](int)
        for (_, origin), count in held.items():
            self._held[self._group(origin)] += count
        self._parts = {name: shares.part_of(name) for name in (REST, *shares.quotas)}
        self.free = shares.capacity - sum(held.values())
        self._borrowable = self.free - self._walled()

    def standing(self, origin: str) -> Claim | None:
        """By what right the origin's next task would be held; None when it has to wait."""
        group = self._group(origin)
        is_walled = not self._shares.quota_of(group).lends
        # What is free may be behind a wall: who lent its own part waits until some of it is back.
        if not is_walled and self._borrowable <= 0:
            return None
        if self._held[group] < self._parts[group]:
            return Claim.OWN
        return None if is_walled else Claim.BORROWED

    def load(self, queue: Queue) -> float:
        """How much of its fair share a queue holds."""
        return self._loads[queue] / self._shares.quota_of(queue[1]).weight

    def count(self, queue: Queue) -> None:
        """One task more is held."""
        group = self._group(queue[1])
        is_walled = not self._shares.quota_of(group).lends
        if not (is_walled and self._held[group] < self._parts[group]):
            self._borrowable -= 1  # what is behind a wall was never to be borrowed
        self._held[group] += 1
        self._loads[queue] += 1
        self.free -= 1

    def _group(self, origin: str) -> str:
        return origin if origin in self._shares.quotas else REST

    def _walled(self) -> int:
        """What waits, idle, for those who do not lend."""
        walls = [name for name, quota in self._shares.quotas.items() if not quota.lends]
        return sum(max(0, self._parts[name] - self._held[name]) for name in walls)
