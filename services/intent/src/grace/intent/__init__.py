"""Intake, deduplication and planning: what is wrong, and what shall be done about it."""
