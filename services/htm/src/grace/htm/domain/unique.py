"""Unique keys: at most one live task of a tenant holds one. Submissions in their order in, verdicts out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar
from uuid import UUID

from grace.htm.domain.lifecycle import BEGINNINGS, State

UniqueKey = tuple[str, str]
"""A tenant and its key."""


class Policy(StrEnum):
    """What a submission wants where a live task holds its key."""

    REFUSE = "refuse"
    REPLACE = "replace"
    JOIN = "join"


REPLACEABLE = BEGINNINGS | {State.RETRYING}
"""Nobody works on such a task, and nobody has to decide on it: another may take its place."""


@dataclass(frozen=True, slots=True)
class Unique:
    """The key that a task wants to hold, and what is to happen where it is held."""

    key: str
    policy: Policy = Policy.REFUSE


@dataclass(frozen=True, slots=True)
class Holder:
    """The live task that holds a key."""

    task_id: UUID
    state: State


class Wanting(Protocol):
    """A submitted task that may want a key."""

    @property
    def task_id(self) -> UUID:
        """Its id, should it enter."""
        ...

    @property
    def tenant_id(self) -> str:
        """Its owner."""
        ...

    @property
    def unique(self) -> Unique | None:
        """The key it wants."""
        ...


T_wanting = TypeVar("T_wanting", bound=Wanting)


@dataclass(slots=True)
class Verdicts:
    """What becomes of submissions; all of it by task id.

    `replaced` says by which task; of `joined` and `refused` the task that holds the key.
    """

    entering: set[UUID] = field(default_factory=set)
    replaced: dict[UUID, UUID] = field(default_factory=dict)
    joined: dict[UUID, UUID] = field(default_factory=dict)
    refused: dict[UUID, UUID] = field(default_factory=dict)
    holding: dict[UniqueKey, UUID] = field(default_factory=dict)


def judge(tasks: Sequence[Wanting], holders: Mapping[UniqueKey, Holder]) -> Verdicts:
    """Decide one submission after the other; each finds what those before it left."""
    verdicts, held = Verdicts(), dict(holders)
    for task in tasks:
        if task.unique is None:
            continue
        key = (task.tenant_id, task.unique.key)
        holder = held.get(key)
        match task.unique.policy:
            case _ if holder is None:
                pass
            case Policy.REPLACE if holder.state in REPLACEABLE:
                verdicts.replaced[holder.task_id] = task.task_id
            case Policy.JOIN:
                verdicts.joined[task.task_id] = holder.task_id
                continue
            case _:
                verdicts.refused[task.task_id] = holder.task_id
                continue
        verdicts.entering.add(task.task_id)
        verdicts.holding[key] = task.task_id
        held[key] = Holder(task.task_id, State.QUEUED)
    return verdicts


def first_of_each_key(
    tasks: Sequence[T_wanting], client_keys: Sequence[UniqueKey]
) -> list[T_wanting]:
    """The tasks without later ones under a client key that came before: that one speaks for all."""
    first: dict[UniqueKey, T_wanting] = {}
    for task, client_key in zip(tasks, client_keys, strict=True):
        first.setdefault(client_key, task)
    return list(first.values())


def refuse_alike(
    verdicts: Verdicts, tasks: Sequence[Wanting], client_keys: Sequence[UniqueKey]
) -> None:
    """Refuse later tasks under the client key of a refused one: nothing is stored to answer them by."""
    refused: dict[UniqueKey, UUID] = {}
    for task, client_key in zip(tasks, client_keys, strict=True):
        if task.task_id in verdicts.refused:
            refused[client_key] = verdicts.refused[task.task_id]
        elif client_key in refused:
            verdicts.refused[task.task_id] = refused[client_key]
