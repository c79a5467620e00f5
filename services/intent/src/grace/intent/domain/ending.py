"""Ends: what sources say of errors that are over by themselves."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.signal import Signal


@dataclass(frozen=True, slots=True)
class End:
    """Who reports by a source says that an error is over: for one instance, or for all that it watches."""

    fingerprint: str
    principal: str
    source: str
    instance: str | None
    over_at: datetime


def ends(signals: Iterable[Signal]) -> tuple[End, ...]:
    """Return the last end that is told of each error and instance, by each source of each principal."""
    last: dict[tuple[str, str, str, str | None], datetime] = {}
    for signal in signals:
        if signal.over:
            key = (signal.fingerprint, signal.requested_by, signal.source, signal.instance)
            last[key] = max(last.get(key, signal.detected_at), signal.detected_at)
    return tuple(End(*key, at) for key, at in last.items())
