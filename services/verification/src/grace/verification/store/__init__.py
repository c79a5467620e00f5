"""Every statement of verification, as a typed function; one class per noun."""

from grace.verification.store.attention import Attention
from grace.verification.store.batch import Acted, Batch, Submitted
from grace.verification.store.benchmarks import BaselineCase, Benchmark, Benchmarks, Sought
from grace.verification.store.cases import Case, Ended, Ending
from grace.verification.store.contracts import Contracts
from grace.verification.store.holds import Holds
from grace.verification.store.missions import (
    ClosedMission,
    Line,
    MissionEnd,
    MissionFacts,
    MissionPlan,
    Missions,
    Recall,
    Standing,
)
from grace.verification.store.snapshots import Sealed, Snapshots, opened, sealed
from grace.verification.store.views import Views

__all__ = [
    "Acted",
    "Attention",
    "BaselineCase",
    "Batch",
    "Benchmark",
    "Benchmarks",
    "Case",
    "ClosedMission",
    "Contracts",
    "Ended",
    "Ending",
    "Holds",
    "Line",
    "MissionEnd",
    "MissionFacts",
    "MissionPlan",
    "Missions",
    "Recall",
    "Sealed",
    "Snapshots",
    "Sought",
    "Standing",
    "Submitted",
    "Views",
    "opened",
    "sealed",
]
