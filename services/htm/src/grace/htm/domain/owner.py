"""Who holds a lease, and with it the only right to report on an attempt."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Owner:
    """A worker of a component. Not a key: a component's key may be rotated under a lease."""

    component: str
    worker_id: str

    def __str__(self) -> str:
        return f"{self.component}/{self.worker_id}"


@dataclass(frozen=True, slots=True)
class Fence:
    """An attempt: whoever writes must hold it."""

    task_id: UUID
    attempt_number: int
