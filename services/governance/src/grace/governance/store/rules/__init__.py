"""What governs plans: policies, and what they made of each plan."""

from grace.governance.store.rules.policies import Made, Policies
from grace.governance.store.rules.rulings import Recorded, Rulings

__all__ = ["Made", "Policies", "Recorded", "Rulings"]
