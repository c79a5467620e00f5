"""Change freezes: calendar windows in which plans for some targets wait, or ask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

from grace.intent.domain.hold import Cause, Hold

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ONE_DAY = timedelta(days=1)
_EVER = datetime.max.replace(tzinfo=UTC)


class Mode(StrEnum):
    """What a plan does inside a freeze."""

    WAIT = "wait"  # until it ends
    ASK = "ask"  # until somebody lets it go on


@dataclass(frozen=True, slots=True)
class Weekly:
    """On these days from a time of day to another one; past midnight where that is earlier."""

    timezone: str
    days: frozenset[str]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True)
class Freeze:
    """A freeze of the targets that fit all of its `target`, `kind` and `environment`.

    Without `weekly` it is one window; with it, the window between the two is when it is in force.
    """

    freeze_id: str
    tenant_id: str
    reason: str
    mode: Mode
    target: str | None = None
    kind: str | None = None
    environment: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    weekly: Weekly | None = None
    declared_at: datetime | None = None  # None until it is kept

    @property
    def needs_class(self) -> bool:
        """Whether it has to be known what a target is, beyond its name."""
        return self.kind is not None or self.environment is not None


@dataclass(frozen=True, slots=True)
class TargetClass:
    """What a registered target is."""

    kind: str
    environment: str


NOBODY_KNOWS: Mapping[str, TargetClass] = MappingProxyType({})


def freeze_hold(
    freezes: Iterable[Freeze],
    *,
    tenant: str,
    target: str,
    classes: Mapping[str, TargetClass],
    now: datetime,
    released_at: datetime | None = None,
) -> Hold | None:
    """Tell which freeze a plan for this target has to wait for; the one that asks, else the longest.

    `released_at` is when somebody let the mission go on, who knew what was frozen then and no more.
    """
    found = [
        (each, until)
        for each in freezes
        if each.tenant_id == tenant
        and _covers(each, target, classes.get(target))
        and (until := open_until(each, now)) is not None
        and not _is_lifted(each, released_at, now)
    ]
    if not found:
        return None
    freeze, until = max(found, key=lambda pair: (pair[0].mode is Mode.ASK, pair[1]))
    return _hold(freeze, until)


def open_until(freeze: Freeze, now: datetime) -> datetime | None:
    """Return when the window ends that is open now; None where none is."""
    if freeze.starts_at is not None and now < freeze.starts_at:
        return None
    last = freeze.ends_at or _EVER
    if now >= last:
        return None
    if freeze.weekly is None:
        return last
    until = _weekly_until(freeze.weekly, now)
    return None if until is None else min(until, last)


def _weekly_until(weekly: Weekly, now: datetime) -> datetime | None:
    """Look at the window that began today, and at the one that began yesterday."""
    zone = ZoneInfo(weekly.timezone)
    today = now.astimezone(zone).date()
    over_midnight = weekly.ends <= weekly.begins
    ends = []
    for day in (today - _ONE_DAY, today):
        if DAYS[day.weekday()] in weekly.days:
            begin = _instant(datetime.combine(day, weekly.begins, zone), fold=0)
            last_day = day + _ONE_DAY if over_midnight else day
            end = _instant(datetime.combine(last_day, weekly.ends, zone), fold=1)
            if begin <= now < end:
                ends.append(end)
    return max(ends, default=None)


def _instant(local: datetime, *, fold: int) -> datetime:
    """Return when clocks show a time: of two the one of `fold`; where they skip it, the jump."""
    early, late = (local.replace(fold=each).astimezone(UTC) for each in (0, 1))
    # A time that is skipped is read by the clock of after the jump, too, and lies before it then.
    return _jump(late, early, local.tzinfo) if late < early else (early, late)[fold]


def _jump(before: datetime, after: datetime, zone: tzinfo | None) -> datetime:
    """Return the first moment at which clocks go as they do in the end."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta.resolution:
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after


def _is_lifted(freeze: Freeze, released_at: datetime | None, now: datetime) -> bool:
    """A release lifts the window that was open then: none that was declared or began after it."""
    if released_at is None or freeze.declared_at is None or freeze.declared_at >= released_at:
        return False
    until = open_until(freeze, released_at)
    return until is not None and now < until


def _covers(freeze: Freeze, target: str, known: TargetClass | None) -> bool:
    """Where nobody says what a target is, a freeze of its class covers it: in doubt it waits."""
    if freeze.target is not None and freeze.target != target:
        return False
    if known is None:
        return True
    return freeze.kind in {None, known.kind} and freeze.environment in {None, known.environment}


def _hold(freeze: Freeze, until: datetime) -> Hold:
    what = f"change freeze {freeze.freeze_id} ({freeze.reason})"
    if freeze.mode is Mode.ASK:
        return Hold(Cause.FREEZE, None, f"{what}: somebody has to release this mission")
    end = f"{until.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return Hold(Cause.FREEZE, until, f"{what}: planned at {end}, or when somebody releases it")
