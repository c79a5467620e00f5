"""The way out of needs_attention: what a person chooses, and what follows from it."""

from datetime import datetime
from typing import assert_never

from grace.verification.domain import task as tasks
from grace.verification.domain.choice import Choice, Chosen
from grace.verification.domain.decision import Close, RetryRevert
from grace.verification.domain.facts import Facts
from grace.verification.domain.lifecycle import Event, Status
from grace.verification.domain.task import Step

# Whose effect was measured rests for nothing else, whether or not the undo could begin.
_TO_BE_UNDONE = frozenset({Step.MEASURE, Step.REVERT, Step.COMPARE, Step.RESTORED, Step.REMEASURE})


def objection(
    facts: Facts, choice: Choice, *, revert_until: datetime | None, now: datetime
) -> str | None:
    """Return why this cannot be chosen, or None where it can.

    `revert_until`: when the permission to undo the action ends; None where there is none.
    """
    if facts.status is not Status.NEEDS_ATTENTION:
        return f"the contract is {facts.status}: nobody has to decide about it"
    if choice is not Choice.RETRY_REVERT:
        return None
    if not facts.permitted_to_revert or revert_until is None:
        return "the action cannot be undone: no revert was permitted"
    if now > revert_until:
        return (
            f"the permission to undo the action ended at {revert_until:%Y-%m-%d %H:%M} UTC: "
            "undo it by hand, then close it, or accept what is"
        )
    if facts.snapshot is None or not facts.snapshot.whole:
        return "the state before or after the action is not stored, or not as it was stored"
    return None


def is_to_be_undone(facts: Facts) -> bool:
    """Whether a contract that rests is one to undo; else nobody knows whether it took effect."""
    return facts.step in _TO_BE_UNDONE


def on_chosen(facts: Facts, chosen: Chosen) -> Close | RetryRevert:
    """Return what follows from a choice to which there is no objection."""
    reason = f"{chosen.choice} by {chosen.by}: {chosen.why}"
    match chosen.choice:
        case Choice.ACCEPT:
            return Close(Event.FAIL, reason)
        case Choice.CLOSE:
            given_up = Event.FAIL_ROLLBACK if is_to_be_undone(facts) else Event.FAIL
            return Close(given_up, reason)
        case Choice.RETRY_REVERT:
            return _again(facts, reason)
        case _:
            assert_never(chosen.choice)


def _again(facts: Facts, reason: str) -> Close | RetryRevert:
    snapshot = facts.snapshot
    if snapshot is None or not snapshot.whole:
        return Close(Event.FAIL_ROLLBACK, f"{reason}; the state before is not stored any more")
    wanted = tasks.revert_task(
        facts.contract, before=snapshot.before, after=snapshot.after, again=facts.reverts + 1
    )
    return RetryRevert(wanted, reason)
