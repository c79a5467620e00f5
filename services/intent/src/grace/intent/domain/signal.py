"""Signals: single reports of an error, made equal where they mean the same."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby
from uuid import UUID

from grace.intent.domain.playbook import Threshold
from grace.intent.domain.reporter import WHOLE, Report, Watch, latest

MAX_MESSAGE = 2_000  # characters; a person reads it, no program does
MAX_DETAILS = 16_384  # bytes of JSON; evidence, not an archive
_NEVER = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # what a database can hold, and a clock can mean


@dataclass(frozen=True, slots=True)
class Signal:
    """One report of an error, normalised. `issued_at` is when its message was sent.

    An intent is a report, too: somebody says that something should be otherwise.
    """

    id: UUID
    tenant: str
    source: str
    kind: str
    target: str | None
    message: str
    severity: str
    details: str | None
    requested_by: str
    detected_at: datetime
    issued_at: datetime
    intent_id: str | None = None
    group: str | None = None  # what makes it equal where a rule says so
    threshold: Threshold | None = None  # how many of them make a mission; None where one does
    over: bool = False  # it says that the error is over
    instance: str | None = None  # which of several that its source watches
    beside: tuple[
        str, ...
    ] = ()  # who else asks for what follows: those of the mission that did not hold

    @property
    def fingerprint(self) -> str:
        """Equal errors have equal fingerprints; no part may hold the separator, nor begin with /."""
        what = f"{self.kind}|{self.target or ''}" if self.group is None else f"/{self.group}"
        return sha256(f"{self.tenant}|{what}".encode()).hexdigest()

    @property
    def watch(self) -> Watch:
        """Who saw it, on behalf of which instance."""
        return self.source, self.instance or WHOLE

    @property
    def reports(self) -> tuple[Report, ...]:
        """What it says about who reports the error."""
        return tuple(
            Report(principal, *self.watch, self.detected_at, self.issued_at)
            for principal in (self.requested_by, *self.beside)
        )


@dataclass(frozen=True, slots=True)
class Group:
    """Equal signals of one batch, in the order of their arrival; never empty.

    `earlier` are the times of those that were too few for a mission before, `before` who sent them.
    """

    fingerprint: str
    signals: tuple[Signal, ...]
    earlier: tuple[datetime, ...] = ()
    before: tuple[Report, ...] = ()

    @property
    def reports(self) -> tuple[Report, ...]:
        """Who reports the error, with those before."""
        return latest([*self.before, *(each for one in self.signals for each in one.reports)])

    @property
    def first(self) -> Signal:
        """The signal that speaks for the group."""
        return self.signals[0]

    @property
    def last(self) -> Signal:
        """The signal that was sent last."""
        return max(self.signals, key=lambda signal: signal.issued_at)

    @property
    def detected_at(self) -> datetime:
        """The earliest detection."""
        return min(*self.earlier, *(signal.detected_at for signal in self.signals), _NEVER)

    @property
    def last_detected_at(self) -> datetime:
        """The latest detection."""
        return max(signal.detected_at for signal in self.signals)

    @property
    def count(self) -> int:
        """How many they are, with those before."""
        return len(self.signals) + len(self.earlier)


@dataclass(frozen=True, slots=True)
class LastMission:
    """A mission that a fingerprint has or lately had; `closed_at` is None while it is open.

    Where it ended because the error was over, `over` says for which sources and instances, and when.
    """

    mission_id: str
    fingerprint: str
    closed_at: datetime | None
    over: Mapping[Watch, datetime] | None = None


@dataclass(frozen=True, slots=True)
class Intake:
    """Where the signals of a batch go, both sides in the order of fingerprints."""

    fresh: tuple[Group, ...]  # to the open mission, or to a new one
    late: tuple[tuple[LastMission, Group], ...]  # to a mission that ended after they were sent


def sort_signals(signals: Iterable[Signal], missions: Iterable[LastMission]) -> Intake:
    """Decide for each signal whether it is news, or an echo of what has ended since.

    The tail of a storm is read after its mission was closed; it must not open a second one.
    """
    read = tuple({signal.id: signal for signal in signals}.values())
    closed = _closed_only(missions)
    echoes = {signal.id for signal in read if _is_echo(signal, closed)}
    late = group_signals(signal for signal in read if signal.id in echoes)
    fresh = group_signals(signal for signal in read if signal.id not in echoes)
    return Intake(fresh, tuple((closed[group.fingerprint], group) for group in late))


def group_signals(signals: Iterable[Signal]) -> tuple[Group, ...]:
    """Return equal signals together, in the order of fingerprints."""
    ordered: Sequence[Signal] = sorted(signals, key=lambda signal: signal.fingerprint)
    grouped = groupby(ordered, key=lambda signal: signal.fingerprint)
    return tuple(Group(fingerprint, tuple(equal)) for fingerprint, equal in grouped)


def kept(group: Group, *, counted: int, at_most: int) -> tuple[Signal, ...]:
    """Return the signals worth a row of their own, where `counted` includes this group."""
    room = at_most - (counted - len(group.signals))
    return group.signals[: max(0, room)]


def one_line(text: str) -> str:
    """Return the text on one line, without anything that does not print."""
    shown = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(shown.split())


def plain_text(text: str) -> str:
    """Return the text on one line, cut to what a person reads."""
    return one_line(text)[:MAX_MESSAGE]


def plausible(claimed: datetime, now: datetime) -> datetime:
    """Return the time as claimed, but neither in the future nor before the clocks."""
    return min(max(claimed, _EARLIEST), now)


def bounded(details: str | None) -> str | None:
    """Return the evidence, or in its place how large it was, where it is too large to keep."""
    if details is None or (size := len(details.encode())) <= MAX_DETAILS:
        return details
    return f'{{"dropped_bytes": {size}}}'


def _closed_only(missions: Iterable[LastMission]) -> Mapping[str, LastMission]:
    """Return the last ended mission of each fingerprint that has no open one."""
    last: dict[str, LastMission] = {}
    for mission in sorted(missions, key=_ended):
        last[mission.fingerprint] = mission
    return {key: mission for key, mission in last.items() if mission.closed_at is not None}


def _ended(mission: LastMission) -> datetime:
    return mission.closed_at or _NEVER


def _is_echo(signal: Signal, closed: Mapping[str, LastMission]) -> bool:
    mission = closed.get(signal.fingerprint)
    if mission is None or signal.issued_at > _ended(mission):
        return False
    if mission.over is None:
        return True
    # What is over for others is news where it still is for this one.
    over_at = mission.over.get(signal.watch)
    return over_at is not None and signal.detected_at <= over_at
