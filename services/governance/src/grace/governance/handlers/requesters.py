"""Who asks for what a mission does beside the one who opened it: by an intent, or by a report."""

from collections.abc import Sequence

from grace.contracts.intent import IntentAccepted, ReporterJoined
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


async def on_reporter_joined(messages: Sequence[Received[ReporterJoined]], unit: Unit) -> None:
    """Keep who reported the same error: whose report came first is no difference."""
    await Electorates(unit.tx).join(
        [
            Joining(
                tenant_id=message.body.tenant_id,
                mission_id=message.body.mission_id,
                principal=message.body.principal,
                intent_id=None,
                joined_at=message.body.joined_at,
            )
            for message in messages
        ]
    )
