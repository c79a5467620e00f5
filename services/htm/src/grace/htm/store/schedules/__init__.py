"""Schedules as rows."""

from grace.htm.store.schedules.rows import Schedules

__all__ = ["Schedules"]
