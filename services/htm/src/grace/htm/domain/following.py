"""What the end of one task means for those that wait for it: dependents, a parent, children."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from grace.htm.domain.lifecycle import FINAL, HELD, State


@dataclass(frozen=True, slots=True)
class Ended:
    """A task that ended, or is about to: `state` is what it ends as."""

    task_id: UUID
    state: State


@dataclass(frozen=True, slots=True)
class Follower:
    """A task that others concern, as it stands; locked."""

    task_id: UUID
    state: State
    cancelling: bool = False
    unmet: int = 0
    """Dependencies that have not succeeded."""
    broken: Ended | None = None
    """One of them that never will."""
    ends_as: State | None = None
    """What it ends as when its children have ended, if they succeed."""
    open_children: bool = False
    bad_child: Ended | None = None
    parent: Ended | None = None
    """Its parent, where that does not wait for a success of it."""


@dataclass(frozen=True, slots=True)
class Release:
    """All that it depends on has succeeded: it may begin."""

    task_id: UUID


@dataclass(frozen=True, slots=True)
class Cancel:
    """Nobody holds it: it is cancelled now."""

    task_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A worker or its children are at work: it is to stop."""

    task_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class End:
    """Its children have ended, and so does it; `error` says what a child spoiled."""

    task_id: UUID
    state: State
    error: str | None = None


Step: TypeAlias = Release | Cancel | Ask | End


def follow(tasks: Sequence[Follower]) -> tuple[Step, ...]:
    """What becomes of each; nothing, where there is still something to wait for."""
    return tuple(step for task in tasks if (step := step_of(task)) is not None)


def step_of(task: Follower) -> Step | None:
    """What becomes of one of them."""
    if task.state in FINAL:
        return None
    if task.parent is not None and not task.cancelling:
        return _stop(task, f"its parent {task.parent.task_id} ends as {task.parent.state}")
    if task.state is State.WAITING:
        return _go_on(task)
    if task.state is State.JOINING and not task.open_children:
        return _join(task)
    return None


def _stop(task: Follower, reason: str) -> Step:
    busy = task.state in HELD or task.state is State.JOINING
    return Ask(task.task_id, reason) if busy else Cancel(task.task_id, reason)


def _go_on(task: Follower) -> Step | None:
    if task.broken is not None:
        ended = f"{task.broken.task_id}, which it depends on, ended as {task.broken.state}"
        return Cancel(task.task_id, ended)
    return None if task.unmet else Release(task.task_id)


def _join(task: Follower) -> Step:
    """A success needs that of every child; what it was to end as otherwise it ends as."""
    if task.ends_as is not State.SUCCEEDED or task.bad_child is None:
        return End(task.task_id, task.ends_as or State.FAILED)
    spoiled = f"its child {task.bad_child.task_id} ended as {task.bad_child.state}"
    state = State.CANCELLED if task.cancelling else State.FAILED
    return End(task.task_id, state, spoiled)
