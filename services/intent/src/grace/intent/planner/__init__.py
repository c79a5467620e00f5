"""Cognition: what loops and handlers share to make a plan out of facts. It stores nothing."""

from grace.intent.planner.asking import Workers, ranked
from grace.intent.planner.library import Library, Rules
from grace.intent.planner.trying import Tried, imagined, instead, preview, try_out
from grace.intent.planner.writing import document

__all__ = [
    "Library",
    "Rules",
    "Tried",
    "Workers",
    "document",
    "imagined",
    "instead",
    "preview",
    "ranked",
    "try_out",
]
