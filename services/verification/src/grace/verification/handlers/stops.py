"""Effects are stopped or go on: every mission that is under way says so."""

from collections.abc import Sequence

from grace.contracts.governance import KillSwitchTurned
from grace.kit import Received, Unit
from grace.verification.domain.state import shown_text
from grace.verification.store import Missions
from grace.verification.store.timeline import LONGEST_REASON


async def on_kill_switch_turned(messages: Sequence[Received[KillSwitchTurned]], unit: Unit) -> None:
    """Add to the story of each open mission what holds from now on, and who said so."""
    for message in messages:
        await Missions(unit.tx).tell_open(
            event_id=message.id,
            service="governance",
            subject=message.subject,
            summary=shown_text(_summary(message.body), LONGEST_REASON),
            at=message.body.turned_at,
        )


def _summary(body: KillSwitchTurned) -> str:
    what = "effects go on"
    if body.is_on:
        what = "no effect begins, no revert either" if body.hard else "no effect begins"
    return f"kill switch (permit version {body.version}): {what}; {body.actor}: {body.reason}"
