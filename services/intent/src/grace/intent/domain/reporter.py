"""Reporters: who says that an error is there. It is over once all of them say that it is.

One source may watch several instances, and each of them is a reporter of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

WHOLE = ""  # the instance of a source that names none
Watch: TypeAlias = tuple[str, str]  # source and instance


@dataclass(frozen=True, slots=True)
class Report:
    """The last word of a reporter that an error is there."""

    principal: str
    source: str
    instance: str
    fired_at: datetime
    sent_at: datetime


def latest(found: Iterable[Report]) -> tuple[Report, ...]:
    """Return one report for each reporter, in their order, with the latest of its times."""
    last: dict[tuple[str, str, str], Report] = {}
    for each in found:
        key = (each.principal, each.source, each.instance)
        seen = last.get(key, each)
        times = max(seen.fired_at, each.fired_at), max(seen.sent_at, each.sent_at)
        last[key] = Report(*key, *times)
    return tuple(last[key] for key in sorted(last))
