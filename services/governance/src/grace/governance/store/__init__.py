"""Every statement of governance, as a typed function; one class per noun."""

from grace.governance.store.approvals import Opening, Store, StoredContract, Which
from grace.governance.store.people import (
    Approver,
    Approvers,
    Electorates,
    Joining,
    Notices,
    Reminders,
    Reviews,
    Surroundings,
    Waiting,
)
from grace.governance.store.rules import Made, Policies, Recorded, Rulings
from grace.governance.store.switch import Switches
from grace.governance.store.told import due_message, reminder_message, tell

__all__ = [
    "Approver",
    "Approvers",
    "Electorates",
    "Joining",
    "Made",
    "Notices",
    "Opening",
    "Policies",
    "Recorded",
    "Reminders",
    "Reviews",
    "Rulings",
    "Store",
    "StoredContract",
    "Surroundings",
    "Switches",
    "Waiting",
    "Which",
    "due_message",
    "reminder_message",
    "tell",
]
