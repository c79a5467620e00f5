"""What becomes of an action that came true, by what becomes of the rest of its plan."""

from typing import assert_never

from grace.verification.domain import task as tasks
from grace.verification.domain.decision import Attend, Close, Decision, UndoWithPlan, Wait
from grace.verification.domain.facts import Facts
from grace.verification.domain.lifecycle import Event
from grace.verification.domain.saga import Turn

_BROKEN = "a later action of the plan did not come true"
_LEFT_OPEN = "it came true, and stays: a later action of the plan could not be judged"


def on_proven(facts: Facts) -> Decision:
    """Verify it with the whole plan, undo it with the whole plan, or wait for the others."""
    match facts.turn:
        case Turn.NOW:
            return Close(Event.VERIFY, "the whole plan came true")
        case Turn.STAY:
            return Close(Event.VERIFY, f"{_BROKEN}; a person accepted that this one stays")
        case Turn.OPEN:
            return Close(Event.VERIFY, _LEFT_OPEN)
        case Turn.BACK:
            return _undo(facts)
        case Turn.LATER:
            return Wait()
        case _:
            assert_never(facts.turn)


def _undo(facts: Facts) -> Decision:
    snapshot = facts.snapshot
    if not facts.permitted_to_revert:
        return Close(Event.VERIFY, f"{_BROKEN}; this one stays, it cannot be undone")
    if snapshot is None or not snapshot.whole:
        return Attend(
            f"{_BROKEN}; the state before or after this one is not stored, or not as it was stored"
        )
    wanted = tasks.revert_task(
        facts.contract, before=snapshot.before, after=snapshot.after, again=facts.reverts
    )
    return UndoWithPlan(wanted, _BROKEN)
