"""Texts that people and programs bring, and the passages that fit a question."""
