"""Every statement of verification, as a typed function; one class per noun."""

from grace.verification.store.benchmarks import BaselineCase, Benchmark, Benchmarks
from grace.verification.store.cases import Case, Ended, Ending
from grace.verification.store.contracts import Contracts
from grace.verification.store.missions import (
    ClosedMission,
    Line,
    MissionFacts,
    Missions,
    Recall,
    Standing,
)
from grace.verification.store.views import Views

__all__ = [
    "BaselineCase",
    "Benchmark",
    "Benchmarks",
    "Case",
    "ClosedMission",
    "Contracts",
    "Ended",
    "Ending",
    "Line",
    "MissionFacts",
    "Missions",
    "Recall",
    "Standing",
    "Views",
]
