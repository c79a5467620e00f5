"""Later looks find faults back: what was verified is no success any more."""

from collections.abc import Sequence

from grace.contracts.verification import MissionReopened
from grace.intent.store import Reopenings
from grace.kit import Received, Unit


async def on_mission_reopened(messages: Sequence[Received[MissionReopened]], unit: Unit) -> None:
    """Note it beside the end, which never changes; the last look counts, in whatever order."""
    last: dict[str, Received[MissionReopened]] = {}
    for message in sorted(messages, key=lambda one: one.body.reopened_at):
        last[message.body.mission_id] = message
    looks = {mission_id: message.body.reopened_at for mission_id, message in last.items()}
    noted = await Reopenings(unit.tx).note(looks)
    for message in messages:
        mission_id = message.body.mission_id
        if mission_id not in noted or last[mission_id] is not message:
            unit.count("stale", message)
