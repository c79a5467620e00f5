"""Holds: why a mission waits although a plan could be written, and until when.

An automation that answers the same fault again and again hides it. What was answered too often,
too lately or in vain waits, and says so; a person may let it go on.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from grace.intent.domain.mission import Mission
from grace.intent.domain.playbook import Playbook, Threshold

ACTED = frozenset({"verified", "failed", "rolled_back", "rollback_failed", "inconclusive"})
LOOK = "verification"  # the source of an error that a late look reports
_IMPROVED = "verified"


class Cause(StrEnum):
    """Why a mission waits."""

    LOOP = "loop"  # the same action did not help so often in a row: a person decides
    FLAPPING = "flapping"  # it came back so often that answering it once more is no answer
    FREEZE = "freeze"  # nothing is to be changed now
    COOLDOWN = "cooldown"  # its target was acted on a moment ago
    STALE = (
        "stale"  # it was reported long ago, and nobody does so again by himself: a person decides
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """A mission waits; `until` is None where only a person ends it."""

    cause: Cause
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Limits:
    """The house's own: how often, how lately, how often in vain."""

    flap: Threshold
    cooldown: timedelta
    loop: int
    stale: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Earlier:
    """A mission of the same fingerprint, this one or one before it."""

    captured_at: datetime
    playbook: str | None
    version: int | None
    outcome: str | None  # None while it is open
    released: bool
    reopened: bool = False  # a later look found the fault back: whatever its end, it did not hold
    by_look: bool = False  # a late look reported it


@dataclass(frozen=True, slots=True)
class Past:
    """What happened lately: missions of the fingerprint, newest first, and the target's last end."""

    missions: tuple[Earlier, ...] = ()
    target_ended_at: datetime | None = None


def hold_of(playbook: Playbook, past: Past, limits: Limits, *, now: datetime) -> Hold | None:
    """Tell why a mission that this playbook answers has to wait; None where it need not."""
    return (
        _loop(playbook, _taken_back(past.missions), limits.loop)
        or _flapping(past.missions, playbook.trigger.flap or limits.flap, now)
        or _cooldown(playbook, past.target_ended_at, limits, now)
    )


def stale(mission: Mission, limits: Limits, *, now: datetime) -> Hold | str | None:
    """Tell what becomes of an error whose report is old: a person is asked, or it is given up for a reason.

    After a long freeze, or days without workers, the world is another one than the report's. Who reported more than
    once does so again where it is still there. What was reported once, or found by a late look, nobody tells
    again: it waits for a person, for as long once more. None where the report is young enough, or somebody said so lately.
    """
    last = mission.last_issued_at
    if last is None or mission.intent_id is not None:
        return None
    if now - max(last, mission.released_at or last) <= limits.stale:
        return None
    told = f"its last report is {(now - last) / timedelta(hours=1):.0f} hours old, and what it tells of may be over"
    if mission.signal_count > 1 and mission.source != LOOK:
        return (
            f"{told}: who reported it {mission.signal_count} times will do so again where it is not"
        )
    return _waits_for_a_person(mission, limits, told, now=now)


def _waits_for_a_person(
    mission: Mission, limits: Limits, told: str, *, now: datetime
) -> Hold | str:
    begun = mission.held_until if mission.hold == Cause.STALE else None
    until = begun or now + limits.stale
    if now >= until:
        return f"{told}; nobody has released it within {limits.stale}: where it is not over it has to be reported again"
    reason = (
        f"{told}, but nobody reports it again by himself: release it where it is not; "
        f"it is given up at {until:%Y-%m-%d %H:%M} UTC"
    )
    return Hold(Cause.STALE, until, reason)


def may_release(principal: str, requesters: Collection[str]) -> bool:
    """Tell whether somebody may let a mission go on: not one who asks for it, however spelt."""
    return principal.lower() not in {each.lower() for each in requesters}


def _loop(playbook: Playbook, missions: Iterable[Earlier], most: int) -> Hold | None:
    """The same text is the same action: a new version of a playbook begins anew."""
    ends = [each for each in _since_released(missions) if each.outcome in ACTED][:most]
    same = all((one.playbook, one.version) == (playbook.name, playbook.version) for one in ends)
    if len(ends) < most or not same or any(map(_improved, ends)):
        return None
    how = ", ".join(map(_shown, reversed(ends)))
    reason = (
        f"{playbook.name} {playbook.version} acted {most} times in a row without improvement "
        f"({how}): look at the cause, then release this mission or change the playbook"
    )
    return Hold(Cause.LOOP, None, reason)


def _taken_back(missions: Sequence[Earlier]) -> Sequence[Earlier]:
    """The error that a late look reports may come before the word that its mission is open again.

    A look is taken only where nobody has acted since, so what ended last is what did not hold.
    """
    if not missions or missions[0].outcome is not None or not missions[0].by_look:
        return missions
    last = next((n for n, one in enumerate(missions) if one.outcome in ACTED), None)
    if last is None:
        return missions
    return (*missions[:last], replace(missions[last], reopened=True), *missions[last + 1 :])


def _improved(one: Earlier) -> bool:
    return one.outcome == _IMPROVED and not one.reopened


def _shown(one: Earlier) -> str:
    return f"{one.outcome}, then reopened" if one.reopened else one.outcome or ""


def _since_released(missions: Iterable[Earlier]) -> Iterable[Earlier]:
    """Yield what happened since somebody decided to go on."""
    for mission in missions:
        yield mission
        if mission.released:
            return


def _flapping(missions: Sequence[Earlier], flap: Threshold, now: datetime) -> Hold | None:
    """Let it go on when the oldest of the openings no longer counts."""
    begun = [each.captured_at for each in missions if each.captured_at > now - flap.within]
    if len(begun) <= flap.count:
        return None
    until = begun[flap.count] + flap.within
    reason = (
        f"it flaps: it came back {flap.count} times within {flap.within}; planned again at "
        f"{until:%H:%M:%S} UTC, or when somebody releases this mission"
    )
    return Hold(Cause.FLAPPING, until, reason)


def _cooldown(
    playbook: Playbook, ended_at: datetime | None, limits: Limits, now: datetime
) -> Hold | None:
    own = playbook.trigger.cooldown
    rest = limits.cooldown if own is None else own
    if ended_at is None or (until := ended_at + rest) <= now:
        return None
    reason = (
        f"its target was acted on at {ended_at:%H:%M:%S} UTC and cools down for {rest}, until "
        f"{until:%H:%M:%S} UTC"
    )
    return Hold(Cause.COOLDOWN, until, reason)
