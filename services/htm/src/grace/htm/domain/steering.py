"""What becomes of a task that a person steers: facts in, one decision out.

A final row never changes: what is done once more is a new task.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, assert_never
from uuid import UUID

from grace.htm.domain.lifecycle import FINAL, HELD, State

OPERATORS_TENANT = "default"
"""The tenant that runs Grace: only it pauses kernels, whose workers serve every tenant."""

REPLAYABLE = frozenset({State.DEAD_LETTER, State.FAILED})


class Act(StrEnum):
    """What a person does with a task; the words of the wire."""

    CANCEL = "cancel"
    RELEASE = "release"
    REPLAY = "replay"


class QueueAct(StrEnum):
    """What a person does with the queue of a kernel; the words of the wire."""

    PAUSE = "pause"
    RESUME = "resume"


@dataclass(frozen=True, slots=True)
class Steered:
    """A task as whoever steers it finds it; `order` is its spec as JSON text."""

    task_id: UUID
    state: State
    cancel_asked: bool
    released: bool
    contract_id: str | None
    order: str


@dataclass(frozen=True, slots=True)
class End:
    """Nobody holds it: it is cancelled now."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A worker holds it and may have changed something: it is told, and no retry follows.

    One that waits for its children ends with them: they are cancelled, too.
    """


@dataclass(frozen=True, slots=True)
class Requeue:
    """It goes back into the queue."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A new task does the same once more, unless there is one already."""


@dataclass(frozen=True, slots=True)
class AlreadySo:
    """It was done before: the same answer again."""


@dataclass(frozen=True, slots=True)
class Declined:
    """It may not be; `reason` says why, and what to do."""

    reason: str


Decision: TypeAlias = End | Ask | Requeue | Repeat | AlreadySo | Declined


def steer(act: Act, task: Steered) -> Decision:
    """What an act of a person does to a task as it stands."""
    match act:
        case Act.CANCEL:
            return on_cancel(task)
        case Act.RELEASE:
            return on_release(task)
        case Act.REPLAY:
            return on_replay(task)
        case _:
            assert_never(act)


def on_cancel(task: Steered) -> Decision:
    """A task that nobody holds ends at once; a worker that holds it is asked to stop."""
    if task.cancel_asked:
        return AlreadySo()
    if task.state in FINAL:
        return Declined(f"The task has ended already, as {task.state}: nothing is left to cancel.")
    is_at_work = task.state in HELD or task.state is State.JOINING
    return Ask() if is_at_work else End()


def on_release(task: Steered) -> Decision:
    """A task that rests is queued again, unless its mission rests with it and is decided on there."""
    if task.state is not State.NEEDS_ATTENTION:
        words = "only one that needs_attention can be released"
        return AlreadySo() if task.released else Declined(f"The task is {task.state}: {words}.")
    if task.contract_id is not None:
        return Declined(
            f"The task belongs to {task.contract_id}, which needs attention itself, and may not act "
            "behind it: decide on the mission."
        )
    return Requeue()


def on_replay(task: Steered) -> Decision:
    """A task that failed for good is done once more, unless a contract was judged by its end."""
    if task.state not in REPLAYABLE:
        words = "nor failed: only such a task can be done once more"
        return Declined(f"The task is {task.state}, neither a dead_letter {words}.")
    if task.contract_id is not None:
        # Verification judged the contract by the end of this task. What a second one did, nobody
        # would measure, and nobody would undo.
        return Declined(
            f"The task belongs to {task.contract_id}, which was judged by its end, and may not act "
            "again: report the error or submit the intent once more."
        )
    return Repeat()


def replay_key(task_id: UUID) -> str:
    """The client key of a replay: one for each task, and no submitter can take it.

    The slash keeps it apart: no identifier holds one.
    """
    return f"{task_id}/replay"
