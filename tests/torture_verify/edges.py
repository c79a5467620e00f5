"""Every edge of the action path at which a process is killed, and which way of the path has it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from grace.verification.loops.crash import MOMENTS as OF_VERIFICATION
from grace.worker.loops.crash import MOMENTS as OF_WORKER


class Way(StrEnum):
    """How an action goes when nobody dies: it does what it shall, or it has to be undone."""

    VERIFIED = "verified"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Edge:
    """One moment of one service."""

    service: str
    moment: str

    @property
    def name(self) -> str:
        """What GRACE_CRASH_AT takes."""
        return f"{self.service}.{self.moment}"

    @property
    def only_when_undone(self) -> bool:
        """Whether an action that is verified never comes there."""
        return self.moment.startswith(_UNDOING)


_UNDOING = (
    "revert.", "undo.", "look_again.", "measure_again.",
    "submit_revert.", "submit_restored.", "submit_remeasure.",
)  # fmt: skip
# Waiting changes nothing; needs_attention is left by people, whom this run does not have; what a plan of
# several actions has besides is killed at every edge in verification's tests/servers/test_plans.py.
_BESIDE = (
    "wait.", "attention.", "retry_revert.", "compare.", "submit_compare.", "prove.", "undo_with_plan.",
)  # fmt: skip

EDGES: tuple[Edge, ...] = tuple(
    Edge(service, moment)
    for service, moments in (("worker", OF_WORKER), ("verification", OF_VERIFICATION))
    for moment in moments
    if not moment.startswith(_BESIDE)
)
# One of each kind: what `make test` has time for.
SHORT = (
    Edge("worker", "apply.after_effect"),
    Edge("verification", "submit_apply.taken"),
    Edge("verification", "undo.before"),
)
