"""What playbooks may do on their own: levels, standing approvals, budgets, brakes."""

from grace.governance.store.autonomy.brakes import Brakes, BrakeTurn, Turns
from grace.governance.store.autonomy.levels import Counted, Levels
from grace.governance.store.autonomy.trusts import Spent, Trusts

__all__ = ["BrakeTurn", "Brakes", "Counted", "Levels", "Spent", "Trusts", "Turns"]
