"""What workers hold, by what it counts under."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from grace.htm.domain.lanes import lane_of
from grace.htm.domain.shares import Queue

LimitedKey = tuple[str, str]
"""A tenant and a key of its own that may have a limit."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """How many tasks are held, per queue and per key."""

    queues: Mapping[Queue, int] = field(default_factory=dict)
    keys: Mapping[LimitedKey, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.queues.values())


def holdings_of(counts: Mapping[tuple[str, str, str], int]) -> Holdings:
    """Sum up counts of tenant, origin and lane."""
    queues: Counter[Queue] = Counter()
    keys: Counter[LimitedKey] = Counter()
    for (tenant_id, origin, text), count in counts.items():
        queues[tenant_id, origin] += count
        if limit_key := lane_of(text).limit_key:
            keys[tenant_id, limit_key] += count
    return Holdings(queues, keys)
