"""Intents and the missions that they follow, as rows."""

from grace.intent.store.followers.rows import Followers

__all__ = ["Followers"]
