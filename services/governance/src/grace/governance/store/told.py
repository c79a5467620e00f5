"""What is said again to people about what waits for them."""

from grace.contracts.governance import ApprovalEscalated, ApprovalReminded, ReviewDue
from grace.governance.domain.reminders import Reminder
from grace.governance.domain.reviews import Review
from grace.governance.store.people.reminders import Waiting


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
