"""Intents that follow a mission: who submits one asks for what the mission does."""

from collections.abc import Sequence

from grace.contracts.intent import IntentAccepted
from grace.governance.store import Electorates, Joining
from grace.kit import Received, Unit


async def on_intent_accepted(messages: Sequence[Received[IntentAccepted]], unit: Unit) -> None:
    """Keep who asked, before or after the mission's plan is there to decide on."""
    await Electorates(unit.tx).join(
        [
            Joining(
                tenant_id=message.body.tenant_id,
                mission_id=message.body.mission_id,
                principal=message.body.requested_by,
                intent_id=message.body.intent_id,
                joined_at=message.body.accepted_at,
            )
            for message in messages
        ]
    )
