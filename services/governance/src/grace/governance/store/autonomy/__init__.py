"""What playbooks may do on their own: levels, standing approvals, budgets."""

from grace.governance.store.autonomy.levels import Counted, Levels
from grace.governance.store.autonomy.trusts import Spent, Trusts

__all__ = ["Counted", "Levels", "Spent", "Trusts"]
