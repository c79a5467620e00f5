"""Missions end, and verification asks what was decided about them."""

from collections.abc import Sequence

from grace.contracts.intent import RecalledMission, RecallMission
from grace.contracts.verification import MissionClosed
from grace.intent.domain.signal import Intake
from grace.intent.handlers.capture import capture, tell_joined
from grace.intent.settings import Settings
from grace.intent.store import (
    Closed,
    Ended,
    Followers,
    Missions,
    Reporters,
    blocked_of,
    captured_of,
    planned_of,
)
from grace.kit import Called, NotFound, Received, Unit


class UnknownMission(NotFound):
    """No such mission was ever captured here."""


async def on_mission_closed(
    settings: Settings, planner: type, messages: Sequence[Received[MissionClosed]], unit: Unit
) -> None:
    """Close missions: their fingerprints are free, an equal error is a new mission.

    An error that came between the end and the word of it was counted on the mission that had ended;
    nobody would answer it, so it opens one of its own now.
    """
    ends: dict[str, Received[MissionClosed]] = {}
    for message in messages:
        ends.setdefault(message.body.mission_id, message)
    closed = await close_missions(
        settings, planner, [_ended(end.body) for end in ends.values()], unit
    )
    known = {each.mission_id for each in closed}
    for message in messages:
        mission_id = message.body.mission_id
        if mission_id not in known or ends[mission_id] is not message:
            unit.count("stale", message)


async def close_missions(
    settings: Settings, planner: type, ends: Sequence[Ended], unit: Unit
) -> Sequence[Closed]:
    """Close missions, whether their ends were told or asked for, and answer what came after them.

    Each last report that no end answers opens a mission; the intents that came then follow it.
    """
    closed = await Missions(unit.tx).close(ends)
    missed = {each.mission_id: each.missed for each in closed if each.missed is not None}
    if not missed:
        return closed
    fresh = tuple(sorted(missed.values(), key=lambda group: group.fingerprint))
    opened = await capture(settings, Intake(fresh, ()), unit)
    following = {ended: opened[group.fingerprint].mission_id for ended, group in missed.items()}
    await tell_joined(await Reporters(unit.tx).carry(following), unit)
    for told in await Followers(unit.tx).pass_on(following):
        unit.publish(told, tenant=told.tenant_id, correlation_id=told.mission_id)
    unit.after_commit(lambda: unit.runtime.wake(planner))
    return closed


async def on_recall_mission(call: Called[RecallMission], unit: Unit) -> RecalledMission:
    """Say again what was captured and decided."""
    mission = await Missions(unit.tx).find(call.body.mission_id)
    if mission is None:
        raise UnknownMission
    return RecalledMission(
        captured=captured_of(mission), planned=planned_of(mission), blocked=blocked_of(mission)
    )


def _ended(body: MissionClosed) -> Ended:
    return Ended(body.mission_id, body.status, body.closed_at, body.reason)
