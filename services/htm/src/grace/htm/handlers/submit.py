"""Tasks come in: from services by request, from anybody over the bus."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple
from uuid import UUID

from grace.contracts.htm import SubmitTasks, SubmittedTasks, TaskSpec, TaskSubmit
from grace.contracts.secrets import objection
from grace.htm.domain.announcements import batched
from grace.htm.domain.relations import ALONE, Relations
from grace.htm.domain.routing import (
    OUTSIDE,
    NewTask,
    Outcome,
    Refused,
    StoredKey,
    Submission,
    only_known,
    outcome_of,
    route_task,
)
from grace.htm.domain.steering import replay_key
from grace.htm.domain.unique import Policy, Verdicts
from grace.htm.handlers.deadlines import judge_deadlines
from grace.htm.handlers.relate import Route, judge_relations, note_relations
from grace.htm.handlers.unique import judge_unique, note_unique
from grace.htm.settings import Settings
from grace.htm.store import Tasks, tell_enqueued
from grace.htm.store.watch import Kernels
from grace.htm.store.written import Written
from grace.kit import Called, Conflict, GraceError, Invalid, Received, Unit, new_id

_DEFAULT_TENANT = "default"
_LISTS = ("requires", "depends_on", "depends_on_keys")
_NO_LISTS = dict.fromkeys(_LISTS, True)  # a dict is what pydantic reads quickest
_INSERT_MOST = 1000  # rows of one statement, so that a flood of large messages cannot time it out


class CannotRoute(Invalid):
    """A task may not enter the queue."""


class UniqueKeyHeld(Conflict):
    """Another task holds the unique key of this one."""


class Taken(NamedTuple):
    """What became of one submitted task."""

    key: str
    outcome: Outcome
    task_id: UUID


async def on_submit(
    settings: Settings, calls: Sequence[Called[SubmitTasks]], unit: Unit
) -> Sequence[SubmittedTasks | GraceError]:
    """Answer every submission that waits; all of them are one commit."""
    wanted = [route_specs(call.body.tasks, signed=True) for call in calls]
    routes = await _judged(settings, wanted, unit)
    tasks = [task for route in routes if not isinstance(route, Refused) for task in route]
    taken = iter(await take_in(settings, tasks, unit))
    return [
        CannotRoute(route.reason)
        if isinstance(route, Refused)
        else answer_of([next(taken) for _ in route])
        for route in routes
    ]


async def on_task_submit(
    settings: Settings, messages: Sequence[Received[TaskSubmit]], unit: Unit
) -> None:
    """Take in what came over the bus. Nobody waits for an answer: a conflict is quarantined."""
    admitted: list[tuple[Received[TaskSubmit], tuple[NewTask, ...]]] = []
    wanted = [route_specs(m.body.tasks, signed=m.publisher is not None) for m in messages]
    routes = await _judged(settings, wanted, unit)
    for message, route in zip(messages, routes, strict=True):
        if isinstance(route, Refused):
            unit.refuse(
                message, reason="cannot_route", detail=route.reason, keep=not route.holds_secret
            )
        else:
            admitted.append((message, route))
    taken = iter(await take_in(settings, [task for _, route in admitted for task in route], unit))
    for message, route in admitted:
        _account(message, [next(taken) for _ in route], unit)


async def take_in(settings: Settings, tasks: Sequence[NewTask], unit: Unit) -> list[Taken]:
    """Store what is new and tell of it; the answer is in the order of the tasks."""
    store = Tasks(unit.tx)
    created: set[UUID] = set()
    entry = await judge_unique(tasks, unit)
    by_key = sorted(
        entry.tasks, key=lambda task: (task.tenant_id, task.key)
    )  # one order: no deadlock
    for batch in batched(by_key, _INSERT_MOST):
        created |= await store.insert_tasks(batch, aging_step=settings.aging_step)
    if entry.verdicts:
        await note_unique(tasks, entry.verdicts, created, unit)
    await note_relations([task for task in tasks if task.task_id in created], unit)
    known = await store.find_keys(
        {(task.tenant_id, task.key) for task in tasks if task.task_id not in created}
    )
    tell_enqueued(unit, [task for task in tasks if task.task_id in created])
    return [_taken(task, known.get((task.tenant_id, task.key)), entry.verdicts) for task in tasks]


def _taken(task: NewTask, stored: StoredKey | None, verdicts: Verdicts | None) -> Taken:
    if verdicts is not None and task.task_id in verdicts.joined:
        return Taken(task.key, Outcome.JOINED, verdicts.joined[task.task_id])
    if verdicts is not None and task.task_id in verdicts.refused:
        return Taken(task.key, Outcome.REFUSED, verdicts.refused[task.task_id])
    stored = stored or StoredKey(task.task_id, b"")
    return Taken(task.key, outcome_of(task, stored), stored.task_id)


def _account(message: Received[TaskSubmit], taken: Sequence[Taken], unit: Unit) -> None:
    conflicts = [each.key for each in taken if each.outcome is Outcome.CONFLICT]
    refused = [each.key for each in taken if each.outcome is Outcome.REFUSED]
    if refused:
        unit.refuse(message, reason="unique_taken", detail=", ".join(refused))
    elif conflicts:
        unit.refuse(message, reason="key_conflict", detail=", ".join(conflicts))
    elif any(each.outcome is Outcome.EXISTING for each in taken):
        unit.count("duplicate", message)


class Answer(Written, SubmittedTasks):
    """What became of the tasks of a request."""


def answer_of(taken: Sequence[Taken]) -> Answer:
    """Tell what became of each."""
    return Answer.of(f'{{"tasks":[{",".join(map(_submitted, taken))}]}}')


def _submitted(taken: Taken) -> str:
    key, outcome = quoted(taken.key), taken.outcome.value
    return f'{{"key":{key},"outcome":"{outcome}","task_id":"{taken.task_id}"}}'


def route_specs(specs: Sequence[TaskSpec], *, signed: bool) -> Route:
    """Route tasks that were submitted together: all or none."""
    # All of them first: where one is refused for another reason, the quarantine keeps the others, too.
    for spec in specs:
        if (found := objection(spec.operation, spec.params)) is not None:
            return Refused(f"{spec.key}: {found}", holds_secret=True)
    tasks: list[NewTask] = []
    for spec in specs:
        task = route_task(_submission(spec, signed=signed), task_id=new_id())
        if isinstance(task, Refused):
            return task
        tasks.append(task)
    return tuple(tasks)


async def refuse_unknown(
    settings: Settings, routes: Sequence[Route], unit: Unit
) -> Sequence[Route]:
    """Refuse what is for a kernel that nobody knows, where that is not to wait."""
    if settings.unknown_kernels == "wait":
        return routes
    tasks = [task for route in routes if not isinstance(route, Refused) for task in route]
    known = await Kernels(unit.tx).known({task.kernel for task in tasks})
    return [route if isinstance(route, Refused) else only_known(route, known) for route in routes]


async def _judged(settings: Settings, routes: Sequence[Route], unit: Unit) -> Sequence[Route]:
    """Refuse what the stored tasks, the clock and the known kernels speak against."""
    known = await refuse_unknown(settings, routes, unit)
    return await judge_relations(await judge_deadlines(known, unit), unit)


def _submission(spec: TaskSpec, *, signed: bool) -> Submission:
    """Whoever does not sign is charged to `outside`, in the default tenant."""
    if not signed:
        spec = spec.model_copy(update={"origin": OUTSIDE, "tenant_id": _DEFAULT_TENANT})
    return Submission(
        spec.key,
        spec.tenant_id,
        spec.type,
        spec.kernel,
        spec.origin,
        spec.step,
        spec.priority,
        spec.max_attempts,
        _sla(spec.sla_ms),
        spec.contract_id,
        spec.mission_id,
        _payload(spec),
        spec_text(spec),
        signed,
        spec.limit_key,
        spec.requires,
        spec.affinity,
        spec.run_at,
        spec.unique_key,
        spec.unique_policy,
        _relations(spec),
        spec.deadline_at,
    )


def _relations(spec: TaskSpec) -> Relations:
    if spec.parent_id is spec.parent_key is None and not (spec.depends_on or spec.depends_on_keys):
        return ALONE
    return Relations(spec.depends_on, spec.depends_on_keys, spec.parent_id, spec.parent_key)


@lru_cache(maxsize=1024)
def _sla(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def spec_text(spec: TaskSpec) -> str:
    """The order as it is stored and hashed: that of a task without lists is what it always was."""
    has_any = spec.requires or spec.depends_on or spec.depends_on_keys
    without = {n: True for n in _LISTS if not getattr(spec, n)} if has_any else _NO_LISTS
    # As model_dump_json() does it, without what that costs in Python.
    text: bytes = spec.__pydantic_serializer__.to_json(spec, exclude_none=True, exclude=without)
    return text.decode()


def _payload(spec: TaskSpec) -> tuple[str, ...]:
    if spec.before is None and spec.after is None:
        return (spec.params,)
    return tuple(text for text in (spec.params, spec.before, spec.after) if text is not None)


async def take_in_again(settings: Settings, order: str, original: UUID, unit: Unit) -> Taken:
    """Take a task's order in once more, under a key that only its replay can have."""
    route = route_specs([TaskSpec.from_bytes(order.encode())], signed=True)
    if isinstance(route, Refused):
        raise CannotRoute(route.reason)
    unique = replace(route[0].unique, policy=Policy.REFUSE) if route[0].unique else None
    # Its relatives have gone on without it, and its deadline may have passed: it stands alone.
    alone = route[0]._replace(relations=ALONE, deadline_at=None)
    replay = alone._replace(key=replay_key(original), unique=unique)
    (taken,) = await take_in(settings, [replay], unit)
    if taken.outcome is Outcome.REFUSED:
        raise UniqueKeyHeld(f"Task {taken.task_id} holds its unique key: wait until it has ended.")
    return taken
