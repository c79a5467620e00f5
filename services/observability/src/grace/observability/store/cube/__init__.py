"""The data cube: facts go in, figures come out."""

from grace.observability.store.cube.figures import Cube, Member, Point, Run
from grace.observability.store.cube.loading import (
    ActionFact,
    ApprovalFact,
    Loading,
    MissionFact,
    PlanFact,
    TaskFact,
)

__all__ = [
    "ActionFact", "ApprovalFact", "Cube", "Loading", "Member", "MissionFact", "PlanFact", "Point",
    "Run", "TaskFact",
]  # fmt: skip
