"""The workers that wait for tasks: what each can take, and whose turn it is."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from grace.htm.domain.lanes import Lane, Size
from grace.htm.domain.owner import Owner


@dataclass(frozen=True, slots=True)
class Request:
    """A worker that waits for tasks of its kernels; `room` is what its answer holds, in bytes."""

    owner: Owner
    key_id: str
    kernels: frozenset[str]
    slots: int
    room: int
    capabilities: frozenset[str] = frozenset()
    sizes: frozenset[Size] = frozenset(Size)

    def can_take(self, kernel: str, lane: Lane) -> bool:
        """Whether tasks of the lane are for this worker at all."""
        return (
            kernel in self.kernels
            and lane.size in self.sizes
            and lane.requires <= self.capabilities
        )


@dataclass(slots=True)
class Share:
    """What a request may still take."""

    index: int
    slots: int
    room: int

    def takes(self, size: int) -> bool:
        """Take a task, or be closed."""
        if self.slots == 0 or size > self.room:
            self.slots = 0  # closed, or a large task would be passed over for small ones for ever
            return False
        self.slots -= 1
        self.room -= size
        return True


class Hands:
    """Everybody who waits; those who can take the same are served in turn."""

    def __init__(self, requests: Sequence[Request]) -> None:
        """All of them wait."""
        self._requests = requests
        self._shares = [Share(n, each.slots, each.room) for n, each in enumerate(requests)]
        self._lines: dict[tuple[str, Size, frozenset[str], str | None], deque[Share]] = {}

    def line(self, kernel: str, lane: Lane, *, only: str | None) -> deque[Share]:
        """Who can take the lane's tasks; `only` is the name of the one worker that may."""
        needs = (kernel, lane.size, lane.requires, only)
        if needs not in self._lines:
            self._lines[needs] = deque(
                share
                for share, request in zip(self._shares, self._requests, strict=True)
                if request.can_take(kernel, lane) and only in {None, request.owner.worker_id}
            )
        return self._lines[needs]


def next_in_turn(line: deque[Share], size: int) -> Share | None:
    """The request whose turn it is goes to the end of the line; a full one leaves it."""
    while line:
        share = line.popleft()
        if share.takes(size):
            line.append(share)
            return share
    return None
