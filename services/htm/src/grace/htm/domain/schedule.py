"""Who gets which task: facts about waiting tasks and waiting workers in, assignments out."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from grace.htm.domain.owner import Owner


@dataclass(frozen=True, slots=True)
class Request:
    """A worker that waits for tasks of its kernels; `room` is what its answer holds, in bytes."""

    owner: Owner
    key_id: str
    kernels: frozenset[str]
    slots: int
    room: int


@dataclass(frozen=True, slots=True)
class Head:
    """A task near the front of its queue."""

    task_id: UUID
    kernel: str
    order_key: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task and the request that gets it, by its place in the given requests."""

    task_id: UUID
    request: int


@dataclass(slots=True)
class _Share:
    """What a request may still take."""

    index: int
    slots: int
    room: int

    def takes(self, size: int) -> bool:
        if self.slots == 0 or size > self.room:
            self.slots = 0  # closed, or a large task would be passed over for small ones for ever
            return False
        self.slots -= 1
        self.room -= size
        return True


def wanted_of(requests: Sequence[Request], *, most: int) -> Mapping[str, int]:
    """How many tasks of each kernel are worth looking at: all free slots, at most `most`."""
    wanted: defaultdict[str, int] = defaultdict(int)
    for request in requests:
        for kernel in request.kernels:
            wanted[kernel] = min(most, wanted[kernel] + request.slots)
    return wanted


def choose_next(
    heads: Sequence[Head], requests: Sequence[Request], *, most: int
) -> tuple[Assignment, ...]:
    """Hand out at most `most` tasks, the lowest order key first, in turn to who waits for it."""
    waiting = _waiting_by_kernel(requests)
    chosen: list[Assignment] = []
    for head in sorted(heads, key=lambda each: (each.order_key, each.task_id)):
        if len(chosen) == most:
            break
        share = _next_in_turn(waiting[head.kernel], head.size)
        if share is not None:
            chosen.append(Assignment(head.task_id, share.index))
    return tuple(chosen)


def _waiting_by_kernel(requests: Sequence[Request]) -> defaultdict[str, deque[_Share]]:
    waiting: defaultdict[str, deque[_Share]] = defaultdict(deque)
    for index, request in enumerate(requests):
        share = _Share(index, request.slots, request.room)
        for kernel in sorted(request.kernels):
            waiting[kernel].append(share)
    return waiting


def _next_in_turn(waiting: deque[_Share], size: int) -> _Share | None:
    """The request whose turn it is goes to the end of the queue; a full one leaves it."""
    while waiting:
        share = waiting.popleft()
        if share.takes(size):
            waiting.append(share)
            return share
    return None
