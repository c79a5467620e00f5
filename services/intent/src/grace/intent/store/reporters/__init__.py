"""Who reported the errors of missions, as rows."""

from grace.intent.store.reporters.rows import Joined, Reporters

__all__ = ["Joined", "Reporters"]
