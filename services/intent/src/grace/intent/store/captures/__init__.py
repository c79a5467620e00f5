"""Errors that come in, as rows: what they are counted on, and what they leave there."""

from grace.intent.store.captures.rows import Captures, Found

__all__ = ["Captures", "Found"]
