"""What intent does by itself: keep the playbooks, plan for what was captured."""

from grace.intent.loops.load import LoadPlaybooks
from grace.intent.loops.plan import Plan

__all__ = ["LoadPlaybooks", "Plan"]
