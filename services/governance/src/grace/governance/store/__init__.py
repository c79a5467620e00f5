"""Every statement of governance, as a typed function; one class per noun."""

from grace.governance.store.approvals import Opening, Store, StoredContract, Which
from grace.governance.store.autonomy import Brakes, BrakeTurn, Counted, Levels, Spent, Trusts, Turns
from grace.governance.store.consents import Consents, signed_list
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
    "BrakeTurn",
    "Brakes",
    "Consents",
    "Counted",
    "Electorates",
    "Joining",
    "Levels",
    "Made",
    "Notices",
    "Opening",
    "Policies",
    "Recorded",
    "Reminders",
    "Reviews",
    "Rulings",
    "Spent",
    "Store",
    "StoredContract",
    "Surroundings",
    "Switches",
    "Trusts",
    "Turns",
    "Waiting",
    "Which",
    "due_message",
    "reminder_message",
    "signed_list",
    "tell",
]
