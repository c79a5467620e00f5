"""Unique keys: held by one live task at a time."""

from grace.htm.store.unique.keys import UniqueKeys

__all__ = ["UniqueKeys"]
