"""Alerts: raised at one level, resolved at a lower one and after some quiet."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from grace.observability.domain.growth import Growth
from grace.observability.domain.health import Condition, ServiceHealth

INSTALLATION = "default"  # the tenant of what concerns Grace itself
_REPEATED_FAILURES = 3


class State(StrEnum):
    """Where an alert stands. A condition that comes back is a new alert."""

    OPEN = "open"
    RESOLVED = "resolved"


class Event(StrEnum):
    """What can happen to an alert."""

    SEE = "see"
    RESOLVE = "resolve"


TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.OPEN: {Event.SEE: State.OPEN, Event.RESOLVE: State.RESOLVED},
        State.RESOLVED: {},
    }
)
FIRST = State.OPEN
FINAL = frozenset(state for state, exits in TRANSITIONS.items() if not exits)


class Kind(StrEnum):
    """What an alert is about."""

    SERVICE_LATE = "service_late"
    SERVICE_DEGRADED = "service_degraded"
    STRESS_FAILURE = "stress_failure"
    QUARANTINE_GROWING = "quarantine_growing"
    EVENT_LAG = "event_lag"


OF_INSTALLATION = tuple(kind for kind in Kind if kind is not Kind.STRESS_FAILURE)


class Severity(StrEnum):
    """How much it matters."""

    WARNING = "warning"
    CRITICAL = "critical"


class AlertKey(NamedTuple):
    """One condition: there is one open alert of it."""

    tenant: str
    kind: Kind
    subject: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was measured of a condition. It is raised from `raise_at` on, and holds above `clear_at`."""

    key: AlertKey
    severity: Severity
    message: str
    value: float
    raise_at: float
    clear_at: float


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert as it is stored."""

    alert_id: str
    key: AlertKey
    severity: Severity
    status: State
    message: str
    value: float
    threshold: float
    raised_at: datetime
    seen_at: datetime
    resolved_at: datetime | None = None


@dataclass(slots=True)
class Judgement:
    """What to do about the alerts."""

    raised: list[Reading] = field(default_factory=list)
    seen: list[Alert] = field(default_factory=list)  # with what was measured now
    resolved: list[Alert] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Levels:
    """From where on, and down to where."""

    late_beats: float
    quarantine_growth: int
    event_lag_ms: float
    event_lag_clear_ms: float
    quarantine_most: int  # a quarantine is counted no further


@dataclass(frozen=True, slots=True)
class Failures:
    """How many of a suite's last finished runs failed in a row, and what the last one says."""

    tenant: str
    suite: str
    in_a_row: int
    message: str


def judge(
    opened: Iterable[Alert], readings: Iterable[Reading], *, now: datetime, quiet: timedelta
) -> Judgement:
    """Compare what is measured with what is open. What was not measured stays as it is."""
    known, found = {alert.key: alert for alert in opened}, Judgement()
    for reading in readings:
        alert = known.get(reading.key)
        if alert is None:
            if reading.value >= reading.raise_at:
                found.raised.append(reading)
        elif reading.value > reading.clear_at:
            found.seen.append(_updated(alert, reading, now))
        elif abs(now - alert.seen_at) >= quiet:  # seen in the future: the clock was set back
            found.resolved.append(replace(alert, value=reading.value))
    return found


def _updated(alert: Alert, reading: Reading, now: datetime) -> Alert:
    return replace(
        alert,
        severity=reading.severity,
        message=reading.message,
        value=reading.value,
        seen_at=now,
    )


def readings_of_services(
    services: Sequence[ServiceHealth], growths: Mapping[str, Growth], levels: Levels
) -> list[Reading]:
    """What the beats say. Of a service that nobody listened to for long enough nothing is said."""
    known = [each for each in services if each.condition is not Condition.UNKNOWN]
    present = [each for each in known if each.condition is not Condition.UNREACHABLE]
    return [
        *(_late(each, levels) for each in known),
        *(_degraded(each) for each in present),
        *(_lagging(each, levels) for each in present),
        *(_growing(each, growths[each.name], levels) for each in present if each.name in growths),
    ]


def reading_of_failures(failures: Failures) -> Reading:
    """A suite whose last finished run failed."""
    often = failures.in_a_row >= _REPEATED_FAILURES
    return Reading(
        AlertKey(failures.tenant, Kind.STRESS_FAILURE, failures.suite),
        Severity.CRITICAL if often else Severity.WARNING,
        failures.message,
        value=failures.in_a_row,
        raise_at=1,
        clear_at=0,
    )


def _late(each: ServiceHealth, levels: Levels) -> Reading:
    gone = each.condition is Condition.UNREACHABLE
    return Reading(
        AlertKey(INSTALLATION, Kind.SERVICE_LATE, each.name),
        Severity.CRITICAL,
        f"{each.name}: {each.problems[0]}" if gone else f"{each.name} is heard again",
        # One that was never heard of has missed every beat.
        value=max(each.missed, levels.late_beats) if gone else min(each.missed, levels.late_beats),
        raise_at=levels.late_beats,
        clear_at=levels.late_beats / 2,
    )


def _degraded(each: ServiceHealth) -> Reading:
    degraded = each.condition is Condition.DEGRADED
    why = "; ".join(each.problems[:3]) or "it is not ready"
    return Reading(
        AlertKey(INSTALLATION, Kind.SERVICE_DEGRADED, each.name),
        Severity.WARNING,
        f"{each.name}: {why}" if degraded else f"{each.name} is well again",
        value=float(degraded),
        raise_at=1,
        clear_at=0,
    )


def _lagging(each: ServiceHealth, levels: Levels) -> Reading:
    return Reading(
        AlertKey(INSTALLATION, Kind.EVENT_LAG, each.name),
        Severity.WARNING,
        f"{each.name}: the oldest unsent event has waited for {each.outbox_lag_ms} ms",
        value=each.outbox_lag_ms,
        raise_at=levels.event_lag_ms,
        clear_at=levels.event_lag_clear_ms,
    )


def _growing(each: ServiceHealth, growth: Growth, levels: Levels) -> Reading:
    value = growth.value(each.quarantined)
    message = f"{value} messages more in quarantine, {each.quarantined} in all"
    if each.quarantined >= levels.quarantine_most:  # it may grow by thousands, and nobody sees it
        value = max(value, levels.quarantine_growth)
        message = f"{each.quarantined} messages or more in quarantine, which is counted no further"
    return Reading(
        AlertKey(INSTALLATION, Kind.QUARANTINE_GROWING, each.name),
        Severity.WARNING,
        f"{each.name}: {message}",
        value=value,
        raise_at=levels.quarantine_growth,
        clear_at=0,
    )
