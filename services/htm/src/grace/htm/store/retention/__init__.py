"""What is kept for so long, and no longer."""

from grace.htm.store.retention.ended import Ended

__all__ = ["Ended"]
