"""Every statement of verification, as a typed function; one class per noun."""

from grace.verification.store.attention import Attention
from grace.verification.store.benchmarks import BaselineCase, Benchmark, Benchmarks
from grace.verification.store.cases import Case, Ended, Ending
from grace.verification.store.contracts import Contracts
from grace.verification.store.holds import Holds
from grace.verification.store.missions import (
    ClosedMission,
    Line,
    MissionFacts,
    Missions,
    Recall,
    Standing,
)
from grace.verification.store.snapshots import Snapshots, opened
from grace.verification.store.views import Views

__all__ = [
    "Attention",
    "BaselineCase",
    "Benchmark",
    "Benchmarks",
    "Case",
    "ClosedMission",
    "Contracts",
    "Ended",
    "Ending",
    "Holds",
    "Line",
    "MissionFacts",
    "Missions",
    "Recall",
    "Snapshots",
    "Standing",
    "Views",
    "opened",
]
