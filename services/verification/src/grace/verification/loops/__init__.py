"""The periodic duties of verification: a tick re-reads the truth, whatever woke it."""

from grace.verification.loops.advance import Advance
from grace.verification.loops.attention import CountAttention
from grace.verification.loops.baselines import Baselines
from grace.verification.loops.begin import Begin
from grace.verification.loops.prune import Prune
from grace.verification.loops.recall import Recall
from grace.verification.loops.release import ReleaseHolds
from grace.verification.loops.runs import JudgeRuns
from grace.verification.loops.sources import Sources
from grace.verification.loops.takes import TakeBySource, TakeByWorker
from grace.verification.loops.watch import Watch

__all__ = [
    "Advance",
    "Baselines",
    "Begin",
    "CountAttention",
    "JudgeRuns",
    "Prune",
    "Recall",
    "ReleaseHolds",
    "Sources",
    "TakeBySource",
    "TakeByWorker",
    "Watch",
]
