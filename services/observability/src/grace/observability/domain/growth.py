"""Whether something grows: how much came in this window or in the one before it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Growth:
    """The count at the beginning of a window, and what the window before it had brought."""

    service: str
    mark: int
    marked_at: datetime
    grown: int = 0

    def value(self, count: int) -> int:
        """What came, at most two windows ago: a window that just began must not look calm."""
        return max(count - self.mark, self.grown)

    def moved(self, count: int, *, now: datetime, window: timedelta) -> "Growth":
        """The next window, once this one is over. Retention may have taken some away."""
        mark = min(self.mark, count)
        if abs(now - self.marked_at) < window:  # one that begins ahead: the clock was set back
            return replace(self, mark=mark)
        return replace(self, mark=count, marked_at=now, grown=count - mark)
