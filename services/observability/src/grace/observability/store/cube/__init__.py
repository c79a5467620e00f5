"""The data cube: facts go in, figures come out."""

from grace.observability.store.cube.figures import Cube, Member, Point, Run
from grace.observability.store.cube.loading import (
    ActionFact,
    ApprovalFact,
    Loading,
    MissionFact,
    TaskFact,
)

__all__ = [
    "ActionFact", "ApprovalFact", "Cube", "Loading", "Member", "MissionFact", "Point", "Run",
    "TaskFact",
]  # fmt: skip
