"""Whose turn it is among those who hold equally much: start-time fair queueing.

The memory is soft. It decides the order among equals, no limit; each replica has its own, and one
that forgets begins anew.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from grace.htm.domain.shares import Queue


@dataclass(frozen=True, slots=True)
class Turns:
    """How far each queue has got, by weight; who is not named is at `begun`."""

    begun: float = 0.0
    tags: Mapping[Queue, float] = field(default_factory=dict)


class Tally:
    """Counts turns while tasks are handed out."""

    def __init__(self, turns: Turns) -> None:
        """Go on from what is remembered."""
        self._begun = turns.begun
        self._tags = dict(turns.tags)

    def tag(self, queue: Queue) -> float:
        """How far a queue has got; being idle earns nothing."""
        return max(self._tags.get(queue, 0.0), self._begun)

    def count(self, queue: Queue, *, weight: float) -> None:
        """A queue had a turn."""
        self._tags[queue] = self.tag(queue) + 1 / weight

    def turns(self, waiting: Collection[Queue]) -> Turns:
        """What to remember, when these had a turn or still wait for one."""
        begun = min(map(self.tag, waiting), default=self._begun)
        return Turns(begun, {queue: tag for queue, tag in self._tags.items() if tag > begun})
