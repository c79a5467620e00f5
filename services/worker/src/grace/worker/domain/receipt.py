"""Effect receipts: the proof, stored before and after an effect, that makes it happen once."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from grace.worker.domain.capability import Act, Step
from grace.worker.domain.failure import BlockedError, MissingError, UnknownOutcomeError
from grace.worker.domain.state import State, digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """One effect. `before` was committed with the intent; `done` is there once it is complete.

    `held_until`: until then the attempt that opened it may still be acting. `refused`: the last
    attempt, itself the first, found a world that it would not touch.
    """

    id: UUID
    act_hash: str
    task_id: str
    attempt_number: int
    before: State
    held_until: datetime
    done: "Done | None" = None
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """What a complete receipt adds: the kernel's result and the state it left."""

    result: State
    after: State


@dataclass(frozen=True, slots=True)
class Claimant:
    """The attempt that wants to act."""

    task_id: str
    attempt_number: int


@dataclass(frozen=True, slots=True)
class Start:
    """Nothing was begun: observe, store, act."""


@dataclass(frozen=True, slots=True)
class Resume:
    """It was begun and its end is unknown: go on from the stored state, never from a new one."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class AnswerAgain:
    """It is done: say so again, touch nothing."""

    receipt: Receipt
    done: Done


@dataclass(frozen=True, slots=True)
class Busy:
    """Another attempt may be acting on it right now."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """The receipt is of another act under the same action id."""


Decision: TypeAlias = Start | Resume | AnswerAgain | Busy | Foreign


def decide(receipt: Receipt | None, act_hash: str, who: Claimant, *, now: datetime) -> Decision:
    """Decide what an attempt does, given the receipt of its (action, step), if there is one.

    A later attempt of the same task goes on at once: htm hands out the next attempt only when
    the lease of the one before is over. Another task has no such word and waits.
    """
    if receipt is None:
        return Start()
    if receipt.act_hash != act_hash:
        return Foreign()
    if receipt.done is not None:
        return AnswerAgain(receipt, receipt.done)
    if receipt.task_id == who.task_id:
        return Resume(receipt) if receipt.attempt_number <= who.attempt_number else Busy()
    return Resume(receipt) if now > receipt.held_until else Busy()


def hash_of(act: Act) -> str:
    """Return the hash that ties a receipt to what was approved."""
    parts = (act.tenant_id, act.contract_id, act.action_id, act.step.value)
    return digest("\n".join((*parts, act.operation, act.target, act.params_hash)))


def ends_of_revert(
    applied: Receipt | None, *, given_before: State | None, given_after: State | None
) -> tuple[State, State]:
    """Return the states between which a revert goes: those of the apply's own receipt.

    What the task says must agree with it, since no capability covers those two fields.
    """
    if applied is None:
        raise MissingError("the action has no receipt: there is no before-state to restore")
    if applied.done is None:
        raise UnknownOutcomeError("the apply did not complete: what it left is unknown")
    _must_agree("before", given_before, applied.before)
    _must_agree("after", given_after, applied.done.after)
    return applied.before, applied.done.after


def _must_agree(word: str, given: State | None, stored: State) -> None:
    if given is not None and given != stored:
        raise BlockedError(f"the task's `{word}` is not what the receipt of the {Step.APPLY} holds")
