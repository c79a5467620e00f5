"""Where a follower of the events begins, and what it is told to have missed."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Extent:
    """What the stream of events keeps: from the first sequence to the last."""

    made_at: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Start:
    """The follower gets what comes behind `position`; `gap` says why that is not all it asked for."""

    position: int
    gap: str | None = None


class Addressed(Protocol):
    """An event, as far as it matters here."""

    @property
    def subject(self) -> str:
        """What it tells of."""
        ...

    @property
    def tenant(self) -> str:
        """Whose it is."""
        ...


@dataclass(frozen=True, slots=True)
class Interest:
    """Whose events, and which of them; every subject where none is named."""

    tenant: str
    subjects: Collection[str] = ()

    def covers(self, event: Addressed) -> bool:
        """Whether an event is for this follower."""
        named = not self.subjects or event.subject in self.subjects
        return named and event.tenant == self.tenant


def start_at(after: int | None, extent: Extent) -> Start:
    """Begin behind what was seen last; with what comes from now on where nothing was.

    A sequence beyond the end was given by a stream that is lost. Its services send again what it
    had, so everything is new: the same message ids tell what was seen before.
    """
    oldest = max(extent.first - 1, 0)
    if after is None:
        return Start(extent.last)
    if after > extent.last:
        return Start(oldest, "The stream of events was made anew; all that it keeps is sent again.")
    if 0 < after < oldest:
        return Start(oldest, "What came right after this event is no longer kept.")
    return Start(max(after, oldest))
