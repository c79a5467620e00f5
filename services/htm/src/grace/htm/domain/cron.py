"""The times of a cron expression, as Debian's cron has them.

Where clocks are set, an expression with a fixed hour (neither minute nor hour begins with a star) still
means one time a day: what falls into the time that is left out comes right after it, what falls into
the time that comes twice comes the first time. All others follow the clock on the wall.

What a field means is cronsim's; the walk is ours: who looks ahead and who looks back take the same
slots of the same days of UTC, so that they cannot differ, and no walk is longer than its days.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

_FIELDS = 5
_LONGEST = 200
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
# Files beside the zones: what they say is a matter of the machine, or nothing.
_OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})
_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
# cronsim looks as far ahead: what comes in no 50 years comes never.
_DAYS_AHEAD = 50 * 366


def objection_to(cron: str, time_zone: str) -> str | None:
    """What is wrong with an expression or its zone; None where there are such times."""
    if len(cron) > _LONGEST or len(cron.split()) != _FIELDS:
        return "a cron expression has five fields: minute, hour, day of month, month, day of week"
    if (instead := _to_give(time_zone)) != time_zone:
        return f"there is no time zone {time_zone!r}: give {instead}"
    try:
        never = next(CronSim(cron, _BEGINNING), None) is None
    except (CronSimError, ValueError, AssertionError, TypeError) as error:
        return f"{str(error) or 'a field'} in the cron expression {cron!r}"
    return f"the cron expression {cron!r} names no day that comes" if never else None


def next_slot(cron: str, time_zone: str, after: datetime) -> datetime | None:
    """The first time after a moment; None where none comes any more."""
    walk, since = _walk(cron, time_zone), _naive(after) + timedelta.resolution
    days = (_midnight(since) + n * _DAY for n in range(_DAYS_AHEAD))
    slots = (slot for day in days for slot in walk.slots_on(day, since))
    return next((slot.replace(tzinfo=UTC) for slot in slots), None)


def last_slots(
    cron: str, time_zone: str, *, since: datetime, until: datetime, most: int
) -> list[datetime]:
    """The last times from `since` to `until`, both included; at most so many, the earliest first."""
    walk, begin, end = _walk(cron, time_zone), _naive(since), _naive(until)
    found: list[datetime] = []
    day = _midnight(end)
    # The latest day first: of a long time no more is looked at than is taken.
    while day + _DAY > begin and len(found) < most:
        found = [*takewhile(end.__ge__, walk.slots_on(day, begin)), *found]
        day -= _DAY
    return [slot.replace(tzinfo=UTC) for slot in found[-most:]]


@dataclass(frozen=True, slots=True)
class _Times:
    """What an expression names: days, and minutes of a day."""

    days: CronSim
    minutes: tuple[int, ...]
    is_fixed: bool

    def has_day(self, day: date) -> bool:
        return day.month in self.days.months and self.days.match_day(day)

    def between(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """Its times on a clock that is never set; the end is not included."""
        midnight = _midnight(begin)
        while midnight < end:
            if self.has_day(midnight.date()):
                # Rounded up: a time that has begun is behind.
                first, last = (-((midnight - each) // _MINUTE) for each in (begin, end))
                chosen = slice(bisect_left(self.minutes, first), bisect_left(self.minutes, last))
                yield from (midnight + n * _MINUTE for n in self.minutes[chosen])
            midnight += _DAY


@dataclass(frozen=True, slots=True)
class _Walk:
    """The times of an expression in a zone, one day of UTC after another; all moments are UTC."""

    times: _Times
    zone: tzinfo

    def slots_on(self, day: datetime, since: datetime) -> Iterator[datetime]:
        """The times of a day that are not before `since`, each later than the one before."""
        # No place on earth is a day away from UTC.
        if not any(self.times.has_day((day + n * _DAY).date()) for n in (-1, 0, 1)):
            return
        since, seen = max(since, day), day - _DAY + self._shift(day - _DAY)
        # From the day before, whose times may come twice today.
        for begin, end in pairwise(self._changes(day - _DAY, day + _DAY)):
            shift = self._shift(begin)
            shown = begin + shift
            if self.times.is_fixed and begin >= since and self._left_out(seen, shown):
                yield begin
            new = max(seen, shown) if self.times.is_fixed else shown
            for each in self.times.between(max(new, since + shift), end + shift):
                yield each - shift
            seen = max(seen, end + shift)

    def _left_out(self, seen: datetime, shown: datetime) -> bool:
        """Whether a time was jumped over, and what comes right after the jump is none anyway."""
        return any(self.times.between(seen, shown)) and not any(
            self.times.between(shown, shown + _MINUTE)
        )

    def _changes(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """The beginning, the moments at which the clock on the wall is set, and the end."""
        while begin < end:
            yield begin
            begin = self._change(begin, end)
        yield end

    def _change(self, begin: datetime, end: datetime) -> datetime:
        shift = self._shift(begin)
        if self._shift(end - _MINUTE) == shift:
            return end
        minutes = range((end - begin) // _MINUTE)
        is_set = bisect_left(
            minutes, x=True, key=lambda n: self._shift(begin + n * _MINUTE) != shift
        )
        return begin + is_set * _MINUTE

    def _shift(self, at: datetime) -> timedelta:
        return at.replace(tzinfo=UTC).astimezone(self.zone).utcoffset() or timedelta()


def _walk(cron: str, time_zone: str) -> _Walk:
    return _Walk(_times(cron), _zone(time_zone) or UTC)


@lru_cache(maxsize=256)
def _times(cron: str) -> _Times:
    read = CronSim(cron, _BEGINNING)
    minutes = tuple(hour * 60 + n for hour in sorted(read.hours) for n in sorted(read.minutes))
    return _Times(read, minutes, is_fixed=not any(f.startswith("*") for f in cron.split()[:2]))


def _naive(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None)


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), time())


def _to_give(name: str) -> str:
    """The name itself where it is that of a zone on every machine; else what to give in its place."""
    is_zone = _place(name) not in _OF_THE_MACHINE and _zone(name) is not None
    return _place(name) if is_zone else "one such as UTC or Europe/Berlin"


def _zone(name: str) -> ZoneInfo | None:
    # Schedules that were set with such a variant go by the place that was meant.
    try:
        return ZoneInfo(_place(name))
    except (KeyError, ValueError, OSError):
        return None


def _place(name: str) -> str:
    """Without the folder of a variant: `right/` counts leap seconds, and not every machine has them."""
    return name.removeprefix("right/").removeprefix("posix/")
