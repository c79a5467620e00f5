"""How far an attempt says it is. It is shown, and decides nothing: only a report ends an attempt."""

from collections.abc import Iterable
from dataclasses import dataclass

from grace.htm.domain.reports import Fence

LONGEST_MESSAGE = 1000
WHOLE = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """Per cent of an attempt's work, and what it is at."""

    fence: Fence
    percent: int
    message: str | None


def furthest_of(told: Iterable[Progress]) -> tuple[Progress, ...]:
    """One word for each attempt, the furthest; nobody is further than whole, nor tells a novel."""
    furthest: dict[Fence, Progress] = {}
    for each in told:
        message = each.message[:LONGEST_MESSAGE] if each.message is not None else None
        progress = Progress(each.fence, min(each.percent, WHOLE), message)
        known = furthest.get(each.fence)
        if known is None or progress.percent >= known.percent:
            furthest[each.fence] = progress
    return tuple(furthest.values())
