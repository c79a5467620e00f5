"""Measurements that were kept."""

from grace.verification.store.benchmarks.benchmarks import (
    BaselineCase,
    Benchmark,
    Benchmarks,
    Sought,
    values_of,
)

__all__ = ["BaselineCase", "Benchmark", "Benchmarks", "Sought", "values_of"]
