"""What others are told: which tasks moved, in batches that fit a message."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID

from grace.htm.domain.lifecycle import FINAL, State
from grace.htm.domain.sla import Sla

LARGEST_BATCH = 256


class OfTenant(Protocol):
    """Something that one tenant owns."""

    @property
    def tenant_id(self) -> str:
        """The owner."""
        ...


T = TypeVar("T")
T_tenant = TypeVar("T_tenant", bound=OfTenant)


class Times(NamedTuple):
    """When an ended task went through which door; None where it never did.

    `created_at` is when it was due, `worked_until` the end of its last attempt: a parent ends later.
    """

    created_at: datetime
    queued_at: datetime | None
    assigned_at: datetime | None
    started_at: datetime | None
    finished_at: datetime
    worked_until: datetime | None


class Moved(NamedTuple):
    """A task that came out of an attempt, or out of the queue for good."""

    task_id: UUID
    attempt_number: int
    tenant_id: str
    type: str
    origin: str
    state: State
    contract_id: str | None
    mission_id: str | None
    times: Times | None = None
    # Others wait for its end: dependents, or children that it has to join.
    followed: bool = False

    @property
    def is_worth_telling(self) -> bool:
        """Whether the task came to rest; a retry is nobody else's business."""
        return self.state in FINAL or self.state is State.NEEDS_ATTENTION


@dataclass(frozen=True, slots=True)
class SlaChanged:
    """A task whose service level changed."""

    task_id: UUID
    tenant_id: str
    type: str
    origin: str
    previous: Sla
    sla_state: Sla
    sla_deadline_at: datetime
    changed_at: datetime
    contract_id: str | None
    mission_id: str | None


def batched(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def per_tenant(items: Sequence[T_tenant]) -> Iterator[tuple[str, Sequence[T_tenant]]]:
    """Sort items by their tenant into batches: no message tells one tenant of another."""
    owned: defaultdict[str, list[T_tenant]] = defaultdict(list)
    for item in items:
        owned[item.tenant_id].append(item)
    for tenant_id, theirs in owned.items():
        for batch in batched(theirs, LARGEST_BATCH):
            yield tenant_id, batch
