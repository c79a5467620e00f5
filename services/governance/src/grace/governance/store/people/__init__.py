"""What people do beyond a vote: the statements of this folder's queries.sql, a class per noun."""

from grace.governance.store.people.approvers import Approver, Approvers
from grace.governance.store.people.electorates import Electorates, Joining, Surroundings
from grace.governance.store.people.notices import Notices
from grace.governance.store.people.reminders import Reminders, Waiting
from grace.governance.store.people.reviews import Reviews

__all__ = [
    "Approver",
    "Approvers",
    "Electorates",
    "Joining",
    "Notices",
    "Reminders",
    "Reviews",
    "Surroundings",
    "Waiting",
]
