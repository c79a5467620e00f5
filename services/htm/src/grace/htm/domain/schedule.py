"""Who gets which task: facts about waiting tasks and waiting workers in, assignments out.

Whoever is below its quota goes first, then whoever holds least for its weight, then whose turn it
is, then the lowest order key. A limit that is used up stops its own lanes and nobody else's.
"""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush, heapreplace
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from grace.htm.domain.hands import Hands, Request, Share, next_in_turn
from grace.htm.domain.holdings import Holdings, LimitedKey
from grace.htm.domain.lanes import Lane
from grace.htm.domain.shares import Claim, Ledger, Queue, Shares
from grace.htm.domain.turns import Tally, Turns


class Head(NamedTuple):
    """A task near the front of its lane; settled when others than the preferred worker may take it."""

    task_id: UUID
    order_key: datetime
    size: int
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class Front:
    """The front of a lane, lowest order key first; empty where nobody may begin what waits there."""

    kernel: str
    queue: Queue
    lane: Lane
    heads: Sequence[Head]

    @property
    def limited(self) -> LimitedKey | None:
        """The key that its tasks count under."""
        return (self.queue[0], self.lane.limit_key) if self.lane.limit_key else None


@dataclass(frozen=True, slots=True)
class Facts:
    """What is held and what is allowed at this moment; a key that is not there has no limit."""

    shares: Shares
    held: Holdings = field(default_factory=Holdings)
    allowances: Mapping[LimitedKey, int] = field(default_factory=dict)
    turns: Turns = field(default_factory=Turns)


@dataclass(frozen=True, slots=True)
class Assignment:
    """A task and the request that gets it, by its place in the given requests."""

    task_id: UUID
    request: int
    limited: LimitedKey | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What is handed out, and what to remember."""

    assignments: tuple[Assignment, ...]
    turns: Turns


_Rank = tuple[Claim, float, float, datetime]


@dataclass(slots=True)
class _Stretch:
    """What is left of a lane, and who waits for it."""

    heads: Sequence[Head]
    line: deque[Share]
    limited: LimitedKey | None
    place: int = 0

    @property
    def head(self) -> Head:
        return self.heads[self.place]


class _Waiting:
    """One queue: its lanes in the order of their heads."""

    def __init__(self, queue: Queue, stretches: Sequence[_Stretch]) -> None:
        self.queue = queue
        self._stretches = stretches
        self._order = [
            (each.head.order_key, each.head.task_id, n) for n, each in enumerate(stretches)
        ]
        heapify(self._order)
        self.lacks_hands = False

    @property
    def first(self) -> datetime | None:
        return self._order[0][0] if self._order else None

    def take(self, allowances: dict[LimitedKey, int]) -> Assignment | None:
        """The first task that somebody may take; lanes that nobody may take leave the queue."""
        while self._order:
            stretch = self._stretches[self._order[0][2]]
            head, limited = stretch.head, stretch.limited
            is_open = limited is None or allowances.get(limited, 1) > 0
            share = next_in_turn(stretch.line, head.size) if is_open else None
            if share is None:
                self.lacks_hands |= is_open
                heappop(self._order)
                continue
            self._advance(stretch)
            if limited is not None and limited in allowances:
                allowances[limited] -= 1
            return Assignment(head.task_id, share.index, limited)
        return None

    def _advance(self, stretch: _Stretch) -> None:
        stretch.place += 1
        if stretch.place == len(stretch.heads):
            heappop(self._order)
        else:
            head = stretch.head
            heapreplace(self._order, (head.order_key, head.task_id, self._order[0][2]))


def wanted_of(requests: Sequence[Request], *, most: int) -> Mapping[str, int]:
    """How many tasks of each kernel are worth looking at: all free slots, at most `most`."""
    wanted: defaultdict[str, int] = defaultdict(int)
    for request in requests:
        for kernel in request.kernels:
            wanted[kernel] = min(most, wanted[kernel] + request.slots)
    return wanted


def is_drained(
    fronts: Sequence[Front],
    requests: Sequence[Request],
    assigned: Sequence[Assignment],
    *,
    most: int,
) -> bool:
    """Whether all that waits is handed out: no lane went on beyond what was looked at of it."""
    wanted = wanted_of(requests, most=most)
    is_all_seen = sum(request.slots for request in requests) <= most and all(
        len(front.heads) < wanted[front.kernel] for front in fronts
    )
    return is_all_seen and len(assigned) == sum(len(front.heads) for front in fronts)


def choose_next(
    fronts: Sequence[Front], requests: Sequence[Request], facts: Facts, *, most: int
) -> Choice:
    """Hand out at most `most` tasks, and never more than capacity, quotas and limits allow."""
    handout = _Handout(facts, list(_waiting(fronts, Hands(requests))))
    assignments = tuple(islice(handout.assignments(), most))
    return Choice(assignments, handout.turns())


class _Handout:
    """The queues in the order of their ranks, while the ranks get worse with every task."""

    def __init__(self, facts: Facts, queues: Sequence[_Waiting]) -> None:
        self._shares = facts.shares
        self._allowances = dict(facts.allowances)
        self._ledger = Ledger(facts.shares, facts.held.queues)
        self._tally = Tally(facts.turns)
        self._served: set[Queue] = set()
        self._queues = queues
        self._line = [
            (rank, n) for n, queue in enumerate(queues) if (rank := self._rank(queue)) is not None
        ]
        heapify(self._line)

    def assignments(self) -> Iterator[Assignment]:
        """One task after the other, until nothing is free or nobody may have what is left."""
        while self._line and self._ledger.free > 0:
            ranked, n = heappop(self._line)
            waiting = self._queues[n]
            if not self._line:  # whoever left the line never comes back: ranks only get worse
                yield from self._to_the_last(waiting)
                return
            # Another tenant may have had the origin's share since, or the last that was to lend.
            if self._rank(waiting) == ranked:
                assignment = waiting.take(self._allowances)
                if assignment is None:
                    continue
                self._count(waiting.queue)
                self._stand_again(n)
                yield assignment
            else:
                self._stand_again(n)

    def _to_the_last(self, waiting: _Waiting) -> Iterator[Assignment]:
        """Tasks of the only queue that is left: no rank to compare, and most claims see but one."""
        origin = waiting.queue[1]
        while self._ledger.free > 0 and self._ledger.standing(origin) is not None:
            assignment = waiting.take(self._allowances)
            if assignment is None:
                return
            self._count(waiting.queue)
            yield assignment

    def turns(self) -> Turns:
        """What to remember of this handout; who waits for a limit saves up no turns."""
        waiting = {self._queues[n].queue for _, n in self._line}
        lacking = {waiting.queue for waiting in self._queues if waiting.lacks_hands}
        return self._tally.turns(self._served | waiting | lacking)

    def _stand_again(self, n: int) -> None:
        if (rank := self._rank(self._queues[n])) is not None:
            heappush(self._line, (rank, n))

    def _count(self, queue: Queue) -> None:
        self._served.add(queue)
        self._ledger.count(queue)
        self._tally.count(queue, weight=self._shares.quota_of(queue[1]).weight)

    def _rank(self, waiting: _Waiting) -> _Rank | None:
        claim, first = self._ledger.standing(waiting.queue[1]), waiting.first
        if claim is None or first is None:
            return None
        return claim, self._ledger.load(waiting.queue), self._tally.tag(waiting.queue), first


def _waiting(fronts: Sequence[Front], hands: Hands) -> Iterator[_Waiting]:
    queues: defaultdict[Queue, list[_Stretch]] = defaultdict(list)
    for front in fronts:
        queues[front.queue] += _stretches(front, hands)
    for queue, stretches in queues.items():
        yield _Waiting(queue, stretches)


def _stretches(front: Front, hands: Hands) -> Iterator[_Stretch]:
    """A lane, in two where some of its tasks are still kept for the worker that they prefer."""
    for heads, only in _parts(front):
        if heads and (line := hands.line(front.kernel, front.lane, only=only)):
            yield _Stretch(heads, line, front.limited)


def _parts(front: Front) -> tuple[tuple[Sequence[Head], str | None], ...]:
    if front.lane.affinity is None:
        return ((front.heads, None),)
    settled = [head for head in front.heads if head.is_settled]
    kept = [head for head in front.heads if not head.is_settled]
    return (settled, None), (kept, front.lane.affinity)
