"""How every service is, by its beats; and one number for the whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

# What a service is worth to the score.
_POINTS_LOST_PER_ALERT = {"warning": 5.0, "critical": 10.0}
_MOST_POINTS_LOST = 30.0
_UNHEALTHY_BELOW = 50.0


class Condition(StrEnum):
    """How a service or a component is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"  # nobody has listened, or asked, for long enough
    NOT_CONFIGURED = "not_configured"


class Overall(StrEnum):
    """How the whole is."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


_WORTH = {Condition.HEALTHY: 1.0, Condition.DEGRADED: 0.5, Condition.UNKNOWN: 0.5}


@dataclass(frozen=True, slots=True)
class Beat:
    """The last beat of one process, and how many of its intervals have passed since."""

    service: str
    instance: str
    version: str
    ready: bool
    problems: tuple[str, ...]
    quarantined: int
    outbox_lag_ms: int
    heard_at: datetime
    missed: float


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """How a service is: its processes taken together."""

    name: str
    condition: Condition
    instances: int = 0
    problems: tuple[str, ...] = ()
    quarantined: int = 0
    outbox_lag_ms: int = 0
    version: str | None = None
    beat_at: datetime | None = None
    missed: float = 0.0


@dataclass(frozen=True, slots=True)
class ComponentHealth:
    """How something is that Grace can use and runs without."""

    name: str
    condition: Condition
    detail: str | None = None


def health_of(
    services: Iterable[str], beats: Iterable[Beat], *, late_beats: float, listened: bool
) -> list[ServiceHealth]:
    """Judge every service, heard of or not. `listened`: long enough for a beat to be late."""
    heard: dict[str, list[Beat]] = {name: [] for name in sorted(services)}
    for beat in beats:
        heard.get(beat.service, []).append(beat)
    return [_judge(name, found, late_beats, listened) for name, found in heard.items()]


def _judge(name: str, beats: Sequence[Beat], late_beats: float, listened: bool) -> ServiceHealth:
    if not beats:
        condition = Condition.UNREACHABLE if listened else Condition.UNKNOWN
        return ServiceHealth(name, condition, problems=("it was never heard of",))
    last = max(beats, key=lambda beat: (beat.heard_at, beat.instance))
    in_time = [beat for beat in beats if beat.missed < late_beats]
    problems = tuple(dict.fromkeys(p for beat in in_time for p in beat.problems))
    if not in_time:
        problems = (f"not heard of since {last.heard_at:%Y-%m-%d %H:%M:%S} UTC",)
    return ServiceHealth(
        name=name,
        condition=_condition(in_time, listened=listened),
        instances=len(in_time),
        problems=problems[:100],
        quarantined=max(beat.quarantined for beat in in_time or [last]),
        outbox_lag_ms=max((beat.outbox_lag_ms for beat in in_time), default=0),
        version=last.version,
        beat_at=last.heard_at,
        missed=last.missed,
    )


def _condition(in_time: Sequence[Beat], *, listened: bool) -> Condition:
    if not in_time:
        return Condition.UNREACHABLE if listened else Condition.UNKNOWN
    well = all(beat.ready and not beat.problems for beat in in_time)
    return Condition.HEALTHY if well else Condition.DEGRADED


def score(services: Sequence[ServiceHealth], severities: Iterable[str]) -> float:
    """0 to 100: the mean worth of the services, less 5 a warning and 10 a critical alert, at most 30.

    A healthy service is worth 1, a degraded or unknown one a half, an unreachable one nothing.
    """
    if not services:
        return 0.0
    worth = sum(_WORTH.get(each.condition, 0.0) for each in services) / len(services)
    lost = sum(_POINTS_LOST_PER_ALERT.get(severity, 0.0) for severity in severities)
    return round(max(0.0, 100 * worth - min(lost, _MOST_POINTS_LOST)), 1)


def overall(services: Sequence[ServiceHealth], points: float) -> Overall:
    """Say in one word how the whole is; a service that is gone makes it unhealthy."""
    conditions = {each.condition for each in services}
    if Condition.UNREACHABLE in conditions or points < _UNHEALTHY_BELOW:
        return Overall.UNHEALTHY
    if conditions - {Condition.HEALTHY} or points < 100:  # noqa: PLR2004 - an alert is open
        return Overall.DEGRADED
    return Overall.HEALTHY
