"""Limits of a key: so many tasks at a time, so many a second with a burst. Knows no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from types import MappingProxyType

from grace.htm.domain.holdings import LimitedKey


@dataclass(frozen=True, slots=True)
class Limit:
    """What a key allows; None is no limit of that sort. `tokens` were there at `refilled_at`."""

    concurrency: int | None
    rate_per_second: float | None
    burst: int | None
    tokens: float
    refilled_at: datetime
    read_at: datetime

    @property
    def level(self) -> float:
        """What the bucket holds by now; a clock that went back refills nothing."""
        waited = max(0.0, (self.read_at - self.refilled_at).total_seconds())
        earned = waited * (self.rate_per_second or 0.0)
        return min(float(self.burst or 0), self.tokens + earned)


def allowance(limit: Limit, *, held: int) -> int:
    """How many more tasks of the key may begin now."""
    found = []
    if limit.concurrency is not None:
        found.append(max(0, limit.concurrency - held))
    if limit.rate_per_second is not None:
        found.append(int(limit.level))
    return min(found)


def allowances(
    limits: Mapping[LimitedKey, Limit], held: Mapping[LimitedKey, int]
) -> Mapping[LimitedKey, int]:
    """The same for many keys."""
    return {key: allowance(limit, held=held.get(key, 0)) for key, limit in limits.items()}


Left = Mapping[LimitedKey, tuple[float, datetime]]
"""Tokens of buckets, and since when they hold so many."""
NOTHING_SPENT: Left = MappingProxyType({})


def left_after(limits: Mapping[LimitedKey, Limit], begun: Mapping[LimitedKey, int]) -> Left:
    """The buckets when so many tasks have begun: what is left, and since when."""
    return {
        key: (max(0.0, limit.level - begun[key]), max(limit.read_at, limit.refilled_at))
        for key, limit in limits.items()
        if limit.rate_per_second is not None and begun.get(key)
    }


def burst_of(rate_per_second: float) -> int:
    """How many may begin at once where nothing is said: a second's worth, at least one."""
    return max(1, ceil(rate_per_second))


_MOST = 1_000_000
_SLOWEST = 0.00001  # about one a day


def objection_to(
    concurrency: int | None, rate_per_second: float | None, burst: int | None
) -> str | None:
    """Why a limit cannot be as somebody wants it."""
    if concurrency is None and rate_per_second is None:
        return "give concurrency, rate_per_second or both; to have no limit, delete it"
    if burst is not None and rate_per_second is None:
        return "a burst needs a rate_per_second"
    if rate_per_second is not None and not _SLOWEST <= rate_per_second <= _MOST:
        return f"a rate_per_second is {_SLOWEST:f} to {_MOST}"
    if not all(1 <= each <= _MOST for each in (concurrency, burst) if each is not None):
        return f"concurrency and burst are 1 to {_MOST}"
    return None
