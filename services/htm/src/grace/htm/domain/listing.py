"""Pages of a long history: which ids a page may look at, and where the next one begins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from grace.htm.domain.lifecycle import State

LARGEST_PAGE = 100
SCANNED = 2000
"""Tasks that one page with filters looks at: it may be short, and still have a next one."""

PLENTY = frozenset({None, State.QUEUED, State.SUCCEEDED})
"""Every task goes through these states: what is in one is looked for among all."""

_FIRST = UUID(int=0)
_BEYOND = UUID(int=2**128 - 1)
# An id is made before the database's clock is read, on another machine.
_SKEW = timedelta(minutes=5)
_RANDOM_BITS = 80
_LONGEST_AGE = 2**48 - 1  # milliseconds in an id


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page is narrowed to; None lets everything through."""

    status: str | None = None
    kernel: str | None = None
    origin: str | None = None
    type: str | None = None
    mission_id: str | None = None
    contract_id: str | None = None
    parent_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def beyond_index(self) -> bool:
        """Whether some of what the index offers may not pass."""
        looked_for = self.status is not None and self.status in PLENTY
        rest = (self.kernel, self.origin, self.type, self.since, self.until)
        links = (self.mission_id, self.contract_id, self.parent_id)
        linked = sum(each is not None for each in links)
        by_status = linked > 0 and self.status is not None
        return linked > 1 or by_status or looked_for or any(each is not None for each in rest)


@dataclass(frozen=True, slots=True)
class Window:
    """Ids from `oldest` on and below `before`, at most `most` of them."""

    before: UUID
    oldest: UUID
    most: int


def window_of(filters: Filters, *, before: UUID | None, limit: int) -> Window:
    """Which ids a page looks at."""
    newest = _id_at(filters.until, _SKEW) if filters.until else _BEYOND
    return Window(
        before=min(newest, before or _BEYOND),
        oldest=_id_at(filters.since, -_SKEW) if filters.since else _FIRST,
        most=SCANNED if filters.beyond_index else limit,
    )


def next_of(
    looked_at: Sequence[UUID], shown: Sequence[UUID], *, most: int, limit: int
) -> UUID | None:
    """Where the next page begins; None where nothing can follow."""
    if len(shown) == limit:
        return shown[-1]
    return looked_at[-1] if len(looked_at) == most else None


def _id_at(instant: datetime, margin: timedelta) -> UUID:
    milliseconds = int((instant.timestamp() + margin.total_seconds()) * 1000)
    return UUID(int=min(max(milliseconds, 0), _LONGEST_AGE) << _RANDOM_BITS)
