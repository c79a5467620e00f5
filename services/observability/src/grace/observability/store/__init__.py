"""Every statement of observability, as a typed function; one class per noun."""

from grace.observability.store.alerts import Alerts
from grace.observability.store.beats import Beats, HeardBeat
from grace.observability.store.cube import (
    ActionFact,
    ApprovalFact,
    Cube,
    Loading,
    Member,
    MissionFact,
    PlanFact,
    Point,
    Run,
    TaskFact,
)
from grace.observability.store.pulse import Components, Pulse
from grace.observability.store.remediations import Remediations
from grace.observability.store.runs import CurrentRun, Runs

__all__ = [
    "ActionFact", "Alerts", "ApprovalFact", "Beats", "Components", "Cube", "CurrentRun", "HeardBeat",
    "Loading", "Member", "MissionFact", "PlanFact", "Point", "Pulse", "Remediations", "Run", "Runs", "TaskFact",
]  # fmt: skip
