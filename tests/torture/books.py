"""What is known from outside: what was submitted and answered, what was told, what was forged."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from uuid import UUID

from torture.orders import Order


@dataclass(slots=True)
class Books:
    """Written while a run goes on; the checker reads them at its end."""

    # The order and the id that its submission was answered with.
    accepted: dict[str, tuple[Order, UUID]] = field(default_factory=dict)
    # Answers that contradict an earlier one, in words.
    contradictions: list[str] = field(default_factory=list)
    # Of each task: the messages that told its end, and which end.
    told: defaultdict[UUID, set[tuple[UUID, str]]] = field(default_factory=lambda: defaultdict(set))
    # Of messages that have to lie in the quarantine at the end: how often each was published.
    poison: Counter[str] = field(default_factory=Counter)
    forged: int = 0
    repeated: int = 0

    def accept(self, order: Order, task_id: UUID, outcome: str) -> None:
        """A submission was answered; the same order is the same task, as often as it is asked."""
        known = self.accepted.setdefault(order.key, (order, task_id))[1]
        if outcome == "conflict" or known != task_id:
            self.contradictions.append(f"{order.key}: {outcome} {task_id}, before {known}")
