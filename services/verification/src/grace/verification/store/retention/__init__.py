"""What served its time: single takes, and looks that are over."""

from grace.verification.store.retention.ended import Ended

__all__ = ["Ended"]
