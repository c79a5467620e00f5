"""The times of a cron expression, as Debian's cron has them.

Where clocks are set, an expression with a fixed hour (neither minute nor hour begins with a star) still
means one time a day: what falls into the hour that is left out comes right after it, what falls into
the hour that comes twice comes the first time. All others follow the clock on the wall.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_LONGEST = 200
# The time on the wall goes back by less than this: who looks back must begin so much later.
_SET_BACK = timedelta(hours=3)
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def objection_to(cron: str, time_zone: str) -> str | None:
    """What is wrong with an expression or its zone; None where there are such times."""
    if len(cron) > _LONGEST or len(cron.split()) != _FIELDS:
        return "a cron expression has five fields: minute, hour, day of month, month, day of week"
    if _zone(time_zone) is None:
        return f"there is no time zone {time_zone!r}: give one such as UTC or Europe/Berlin"
    try:
        never = next(CronSim(cron, _BEGINNING), None) is None
    except (CronSimError, ValueError, AssertionError, TypeError) as error:
        return f"{str(error) or 'a field'} in the cron expression {cron!r}"
    return f"the cron expression {cron!r} names no day that comes" if never else None


def next_slot(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first time after a moment; None where none comes any more."""
    times = (each.astimezone(UTC) for each in CronSim(cron, _local(after, time_zone)))
    # In the hour that comes twice its first half is behind, and cron names it all the same.
    return next((each for each in times if each > after), None)


def last_slots(
    cron: str, time_zone: str, *, since: datetime, until: datetime, most: int
) -> list[datetime]:
    """The last times from `since` to `until`, both included; at most so many, the earliest first."""
    found = list(islice(_backwards(cron, time_zone, since, until), most))
    return found[::-1]


def _backwards(cron: str, time_zone: str, since: datetime, until: datetime) -> Iterator[datetime]:
    start = _local(until + _SET_BACK, time_zone)
    for each in CronSim(cron, start, reverse=True):
        slot = each.astimezone(UTC)
        if slot < since:
            return
        if slot <= until:
            yield slot


def _local(instant: datetime, time_zone: str) -> datetime:
    zone = _zone(time_zone)
    return instant.astimezone(zone if zone is not None and zone.key != "UTC" else UTC)


def _zone(name: str) -> ZoneInfo | None:
    try:
        # What this name means is a matter of the machine.
        return None if name == "localtime" else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
