"""What intent does by itself: keep the playbooks, plan for what was captured, ask for ends."""

from grace.intent.loops.forget import Forget
from grace.intent.loops.load import LoadPlaybooks
from grace.intent.loops.plan import Plan
from grace.intent.loops.recall import Recall

__all__ = ["Forget", "LoadPlaybooks", "Plan", "Recall"]
