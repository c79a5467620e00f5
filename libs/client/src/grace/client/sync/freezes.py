# Made from grace.client.aio by grace.client.twins: do not edit.
"""Change freezes: when plans for which targets wait."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from grace.client.ask import part
from grace.client.models import Page
from grace.client.sync.connection import Connection
from grace.contracts.intent import Freeze

_PATH = "/api/freezes"


class Freezes(Connection):
    """The methods about change freezes."""

    def declare_freeze(
        self,
        reason: str,
        *,
        mode: str = "wait",
        target: str | None = None,
        kind: str | None = None,
        environment: str | None = None,
        starts_at: datetime | None = None,
        ends_at: datetime | None = None,
        timezone: str | None = None,
        days: Sequence[str] = (),
        from_time: str | None = None,
        until_time: str | None = None,
    ) -> Freeze:
        """Let plans wait: once until `ends_at`, or weekly on `days` between two times of day."""
        body = {
            "reason": reason,
            "mode": mode,
            "target": target,
            "kind": kind,
            "environment": environment,
            "starts_at": starts_at and starts_at.isoformat(),
            "ends_at": ends_at and ends_at.isoformat(),
            "timezone": timezone,
            "days": list(days),
            "from_time": from_time,
            "until_time": until_time,
        }
        return self._post(_PATH, Freeze, body)

    def freezes(self, *, limit: int = 50, cursor: str | None = None) -> Page[Freeze]:
        """A page of freezes, newest first, those that ended among them."""
        return self._page(_PATH, Freeze, limit=limit, cursor=cursor)

    def each_freeze(self) -> Iterator[Freeze]:
        """Every freeze, newest first."""
        return self._each(_PATH, Freeze)

    def end_freeze(self, freeze_id: str, *, reason: str | None = None) -> Freeze:
        """End a freeze before its time. NotFound where it is not in force."""
        return self._post(f"{_PATH}/{part(freeze_id)}/end", Freeze, {"reason": reason})
