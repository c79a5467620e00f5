"""The door of the queue: every task passes `route_task`, whoever submits it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from grace.htm.domain.lanes import Lane, Size, size_of
from grace.htm.domain.relations import ALONE, Relations, wrongly_named
from grace.htm.domain.unique import Policy, Unique

OUTSIDE = "outside"
"""The origin of everything that nobody signed."""

_KERNEL = re.compile(r"[A-Za-z0-9_:-]{1,128}")  # one token of a subject: htm.work.<kernel>
_STEPS = frozenset({"observe", "apply", "revert"})
_MOST_URGENT = 100
_MOST_ATTEMPTS = 100
# Nobody means such a time, and with the longest deadline behind it no clock could show it.
_LATEST_RUN = datetime(2200, 1, 1, tzinfo=UTC)
# One task must fit an answer to a claim, 1 MiB with its envelope.
_LARGEST_SPEC = 768 * 1024
_MOST_REMEMBERED = 4096
_POLICIES = frozenset({None, *Policy})
# Written once: every task is asked for all of them.
_TOO_URGENT = f"a priority is within +-{_MOST_URGENT}"
_TOO_MANY_ATTEMPTS = f"there are at most {_MOST_ATTEMPTS} attempts"
_NO_POLICY = f"a unique policy is {', '.join(Policy)}"
_TOO_FAR = f"a task runs before the year {_LATEST_RUN.year}"
_TOO_LARGE = f"a task has at most {_LARGEST_SPEC} bytes"


class Outcome(StrEnum):
    """What became of a submission."""

    CREATED = "created"
    EXISTING = "existing"
    CONFLICT = "conflict"
    JOINED = "joined"
    REFUSED = "refused"


class Submission(NamedTuple):
    """What somebody wants done, as far as the queue looks at it.

    `spec` is the whole order as JSON text, handed to the worker as it is; `payload` is what
    the operation is given: its parameters and states, each a JSON text. A tuple, as every task has
    one: a frozen dataclass takes five times as long to make.
    """

    key: str
    tenant_id: str
    type: str
    kernel: str
    origin: str
    step: str
    priority: int
    max_attempts: int
    sla: timedelta
    contract_id: str | None
    mission_id: str | None
    payload: tuple[str, ...]
    spec: str
    signed: bool
    limit_key: str | None = None
    requires: tuple[str, ...] = ()
    affinity: str | None = None
    run_at: datetime | None = None
    unique_key: str | None = None
    unique_policy: str | None = None
    relations: Relations = ALONE
    deadline_at: datetime | None = None


class NewTask(NamedTuple):
    """A task that may enter the queue, at once or when its time has come; sizes in bytes."""

    task_id: UUID
    key: str
    body_hash: bytes
    tenant_id: str
    type: str
    kernel: str
    origin: str
    priority: int
    max_attempts: int
    sla: timedelta
    contract_id: str | None
    mission_id: str | None
    spec: str
    spec_size_bytes: int
    data_size_bytes: int
    expires: bool
    lane: str = ""
    run_at: datetime | None = None
    unique: Unique | None = None
    relations: Relations = ALONE
    deadline_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a submission may not enter. `holds_secret`: nothing of it may be kept."""

    reason: str
    holds_secret: bool = False


@dataclass(frozen=True, slots=True)
class StoredKey:
    """What a client key stands for already."""

    task_id: UUID
    body_hash: bytes


def route_task(wanted: Submission, *, task_id: UUID) -> NewTask | Refused:
    """Measure a submission and decide whether and how it enters the queue."""
    spec = wanted.spec.encode()
    reason = _objection(wanted, size=len(spec))
    if reason is not None:
        return Refused(f"{wanted.key}: {reason}")
    data_size_bytes = payload_size(*wanted.payload)
    return NewTask(
        task_id=task_id,
        key=_scoped(wanted, wanted.key),
        body_hash=sha256(spec).digest(),
        tenant_id=wanted.tenant_id,
        type=wanted.type,
        kernel=wanted.kernel,
        origin=wanted.origin,
        priority=wanted.priority,
        max_attempts=wanted.max_attempts,
        sla=wanted.sla,
        contract_id=wanted.contract_id,
        mission_id=wanted.mission_id,
        spec=wanted.spec,
        spec_size_bytes=len(spec),
        data_size_bytes=data_size_bytes,
        expires=wanted.step != "revert",  # an undo is better late than never
        lane=_lane(size_of(data_size_bytes), wanted.requires, wanted.limit_key, wanted.affinity),
        run_at=wanted.run_at,
        unique=_unique(wanted),
        relations=wanted.relations,
        deadline_at=wanted.deadline_at,
    )


def only_known(
    tasks: tuple[NewTask, ...], kernels: Collection[str]
) -> tuple[NewTask, ...] | Refused:
    """The tasks, if workers have asked for all of their kernels."""
    for task in tasks:
        if task.kernel not in kernels:
            return Refused(
                f"{task.key}: no worker has ever asked for tasks of kernel {task.kernel}"
            )
    return tasks


def payload_size(*texts: str) -> int:
    """Return the size of JSON texts in bytes of UTF-8, as they travel."""
    return sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


@lru_cache(maxsize=_MOST_REMEMBERED)
def is_kernel(name: str) -> bool:
    """Whether the name can stand in the subject of a hint."""
    return _KERNEL.fullmatch(name) is not None


def outcome_of(task: NewTask, stored: StoredKey) -> Outcome:
    """The same key and body is the same task; another body is a conflict."""
    if stored.task_id == task.task_id:
        return Outcome.CREATED
    return Outcome.EXISTING if stored.body_hash == task.body_hash else Outcome.CONFLICT


def _objection(wanted: Submission, *, size: int) -> str | None:
    """The first thing that is wrong with it; `size` is that of its spec in bytes."""
    manner = _objection_to_manner(
        wanted.kernel, wanted.step, wanted.priority, wanted.max_attempts, wanted.unique_policy
    )
    if manner is not None:
        return manner
    if wanted.unique_policy is not None and wanted.unique_key is None:
        return "a unique policy needs a unique key"
    if wanted.run_at is not None and (
        late := _objection_to_time(wanted.run_at, wanted.deadline_at)
    ):
        return late
    if size > _LARGEST_SPEC:
        return _TOO_LARGE
    return _wrongly_related(wanted) if wanted.relations else None


@lru_cache(maxsize=_MOST_REMEMBERED)
def _objection_to_manner(
    kernel: str, step: str, priority: int, max_attempts: int, unique_policy: str | None
) -> str | None:
    """What is wrong with how it is to be done; most tasks are to be done as others before them."""
    if not is_kernel(kernel):
        return "a kernel is one word of letters, digits and _ : -"
    if step not in _STEPS:
        return "a step is observe, apply or revert"
    if abs(priority) > _MOST_URGENT:
        return _TOO_URGENT
    if max_attempts > _MOST_ATTEMPTS:
        return _TOO_MANY_ATTEMPTS
    return _NO_POLICY if unique_policy not in _POLICIES else None


def _objection_to_time(run_at: datetime, deadline_at: datetime | None) -> str | None:
    if run_at >= _LATEST_RUN:
        return _TOO_FAR
    is_never = deadline_at is not None and deadline_at <= run_at
    return "a deadline comes after run_at" if is_never else None


def _wrongly_related(wanted: Submission) -> str | None:
    """Strangers' tasks stand alone, or one could keep a service's task from its end."""
    if not wanted.signed:
        return "who does not sign has no related tasks"
    return wrongly_named(wanted.relations)


@lru_cache(maxsize=_MOST_REMEMBERED)
def _lane(
    size: Size, requires: tuple[str, ...], limit_key: str | None, affinity: str | None
) -> str:
    """The lane as it is stored; most tasks ask for what others before them asked for."""
    return str(Lane(size, frozenset(requires), limit_key, affinity))


def _unique(wanted: Submission) -> Unique | None:
    if wanted.unique_key is None:
        return None
    policy = Policy(wanted.unique_policy or Policy.REFUSE)
    return Unique(_scoped(wanted, wanted.unique_key), policy)


def _scoped(wanted: Submission, key: str) -> str:
    """Strangers have keys of their own, or one could take the key of a service before it does.

    The slash keeps them apart: no identifier holds one.
    """
    return key if wanted.signed else f"{OUTSIDE}/{key}"


def task_id_of(text: str) -> UUID | None:
    """Read a task id as others write it; None for what cannot be one of ours."""
    try:
        return UUID(text)
    except ValueError:
        return None
