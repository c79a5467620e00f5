"""Runs of the benchmark suites."""

from grace.verification.store.runs.runs import DueRun, Runs

__all__ = ["DueRun", "Runs"]
