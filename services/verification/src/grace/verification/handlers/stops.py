"""What others stopped: every mission that it concerns says so."""

from collections.abc import Sequence

from grace.contracts.governance import KillSwitchTurned
from grace.contracts.worker import SecretRefused
from grace.kit import Received, Unit
from grace.verification.domain.state import shown_text
from grace.verification.store import Missions
from grace.verification.store.timeline import LONGEST_REASON, Source, hear


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


async def on_secret_refused(messages: Sequence[Received[SecretRefused]], unit: Unit) -> None:
    """Add to a mission's story that a worker was not given a secret, and what to do."""
    for message in messages:
        body = message.body
        if body.mission_id is not None:
            words = f"{body.step} refused: {body.reason}"
            await hear(unit, Source.message(message), body.mission_id, words)


def _summary(body: KillSwitchTurned) -> str:
    what = "effects go on"
    if body.is_on:
        what = "no effect begins, no revert either" if body.hard else "no effect begins"
    return f"kill switch (permit version {body.version}): {what}; {body.actor}: {body.reason}"
