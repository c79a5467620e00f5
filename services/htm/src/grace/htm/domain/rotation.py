"""Where a claim begins to look, when there are more queues or lanes than one claim looks at."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from grace.htm.domain.schedule import Front
from grace.htm.domain.shares import Queue

Stand = tuple[str, str, str]
"""A kernel, a tenant and an origin."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The last queue that was looked at per kernel, and the last lane of a queue. Soft memory."""

    queues: Mapping[str, Queue] = field(default_factory=dict)
    lanes: Mapping[Stand, str] = field(default_factory=dict)


def rotate(
    last: Rotation,
    fronts: Sequence[Front],
    kernels: Collection[str],
    *,
    most_queues: int,
    most_lanes: int,
) -> Rotation:
    """Go on behind what was looked at; where everything was seen, begin at the front again.

    The fronts come in the order of the index.
    """
    lanes: defaultdict[Stand, list[str]] = defaultdict(list)
    for front in fronts:
        lanes[front.kernel, *front.queue].append(str(front.lane))
    queues: defaultdict[str, list[Queue]] = defaultdict(list)
    for kernel, tenant_id, origin in lanes:
        queues[kernel].append((tenant_id, origin))
    full = {kernel: found[-1] for kernel, found in queues.items() if len(found) == most_queues}
    unseen = {
        stand: lane
        for stand, lane in last.lanes.items()
        if stand not in lanes and (stand[0] not in kernels or stand[0] in {*full, *last.queues})
    }
    cut = {stand: found[-1] for stand, found in lanes.items() if len(found) == most_lanes}
    others = {kernel: queue for kernel, queue in last.queues.items() if kernel not in kernels}
    return Rotation(others | full, unseen | cut)
