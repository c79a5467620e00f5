"""Takes of the measures of plans, and how measures travel."""

from grace.verification.store.takes.takes import DueTake, Takes, with_takes

__all__ = ["DueTake", "Takes", "with_takes"]
