"""What people are told: on the bus, and to webhooks; and what is said again of what waits."""

import json

from grace.contracts.governance import ApprovalEscalated, ApprovalReminded, ReviewDue
from grace.contracts.message import Message
from grace.governance.domain.notices import shown
from grace.governance.domain.reminders import Reminder
from grace.governance.domain.reviews import Review
from grace.governance.settings import Settings
from grace.governance.store.people.notices import Notices
from grace.governance.store.people.reminders import Waiting
from grace.kit import Unit


async def tell(unit: Unit, message: Message, *, tenant: str, correlation_id: str = "") -> None:
    """Publish what people must hear of, and keep it for every webhook: one commit."""
    identity = unit.publish(message, tenant=tenant, correlation_id=correlation_id or None)
    settings = unit.runtime.settings
    urls = settings.webhook_urls if isinstance(settings, Settings) else ()
    if urls:
        fields = shown(message.model_dump(mode="json", exclude_none=True))
        told = {"type": message.SUBJECT, "id": str(identity), "data": fields}
        await Notices(unit.tx).queue(
            identity, urls, tenant_id=tenant, subject=str(message.SUBJECT), body=json.dumps(told)
        )


def reminder_message(waiting: Waiting, reminder: Reminder) -> ApprovalReminded | ApprovalEscalated:
    """Tell that an approval still waits, and whose turn it is where that changes."""
    if reminder.group is None:
        return ApprovalReminded(
            approval_id=waiting.approval_id,
            mission_id=waiting.mission_id,
            tenant_id=waiting.tenant_id,
            reminders=reminder.number,
            expires_at=waiting.expires_at,
        )
    return ApprovalEscalated(
        approval_id=waiting.approval_id,
        mission_id=waiting.mission_id,
        tenant_id=waiting.tenant_id,
        reminders=reminder.number,
        group=reminder.group,
        expires_at=waiting.expires_at,
    )


def due_message(review: Review) -> ReviewDue:
    """Tell that a review still waits."""
    return ReviewDue(
        review_id=review.review_id,
        approval_id=review.approval_id,
        mission_id=review.mission_id,
        tenant_id=review.tenant_id,
        actor=review.broken_by,
        reminders=review.reminders,
    )
