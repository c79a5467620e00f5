"""What a claim looks at before it hands out, and what operators say about it."""

from grace.htm.store.fairness.limits import Limits
from grace.htm.store.fairness.line import Line
from grace.htm.store.fairness.quotas import Quotas

__all__ = ["Limits", "Line", "Quotas"]
