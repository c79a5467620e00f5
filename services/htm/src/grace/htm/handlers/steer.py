"""People steer tasks: cancel, release, replay. Twice is the same answer, and told once."""

from typing import assert_never
from uuid import UUID

from grace.contracts.htm import DeadLetters, ListDeadLetters, SteerTask, Task
from grace.htm.domain.routing import Outcome, task_id_of
from grace.htm.domain.steering import (
    Act,
    AlreadySo,
    Ask,
    Decision,
    Declined,
    End,
    Repeat,
    Requeue,
    Steered,
    steer,
)
from grace.htm.handlers.submit import take_in_again
from grace.htm.settings import Settings
from grace.htm.store import (
    Steering,
    Tasks,
    hint_work,
    tell_followed,
    tell_moved,
    tell_steered,
)
from grace.kit import Called, Conflict, Invalid, NotFound, Runtime, Unit

_LARGEST_PAGE = 100


class UnknownTask(NotFound):
    """No such task."""


class UnknownAct(Invalid):
    """An act on a task is cancel, release or replay."""


class CannotSteer(Conflict):
    """The task does not stand so that this could be done."""


async def on_steer_task(settings: Settings, call: Called[SteerTask], unit: Unit) -> Task:
    """Do what a person wants of a task, and answer with the task as it stands then."""
    body = call.body
    if body.act not in {*Act}:
        raise UnknownAct
    task = await _found(body, unit)
    answered = await _obey(settings, steer(Act(body.act), task), task, body, unit)
    (shown,) = await Tasks(unit.tx).find_tasks([answered])
    return shown


async def on_list_dead_letters(call: Called[ListDeadLetters], runtime: Runtime) -> DeadLetters:
    """Answer with a page of a tenant's dead letters, newest first."""
    body = call.body
    before = task_id_of(body.before) if body.before is not None else None
    if body.before is not None and before is None:
        raise UnknownTask
    async with runtime.reading() as tx:
        letters = await Steering(tx).list_dead_letters(
            body.tenant_id, before=before, limit=min(body.limit, _LARGEST_PAGE)
        )
    return DeadLetters(letters=tuple(letters))


async def _found(body: SteerTask, unit: Unit) -> Steered:
    task_id = task_id_of(body.task_id)
    task = await Steering(unit.tx).steered_task(body.tenant_id, task_id) if task_id else None
    if task is None:
        raise UnknownTask
    return task


async def _obey(
    settings: Settings, decision: Decision, task: Steered, body: SteerTask, unit: Unit
) -> UUID:
    """Carry a decision out; returns the task to answer with."""
    store, principal = Steering(unit.tx), body.principal
    match decision:
        case Declined(reason):
            raise CannotSteer(reason)
        case AlreadySo():
            return task.task_id
        case Repeat():
            return await _repeat(settings, task, body, unit)
        case End():
            tell_moved(unit, await store.cancel_task(task.task_id, principal=principal))
        case Ask():
            await store.ask_to_cancel(task.task_id, principal=principal)
            tell_followed(unit)
        case Requeue():
            kernels = await store.release_task(
                task.task_id, principal=principal, aging_step=settings.aging_step
            )
            hint_work(unit, kernels)
        case _:
            assert_never(decision)
    tell_steered(unit, body)
    return task.task_id


async def _repeat(settings: Settings, task: Steered, body: SteerTask, unit: Unit) -> UUID:
    """The key of a replay decides whether it is the first: whoever comes second gets the same."""
    taken = await take_in_again(settings, task.order, task.task_id, unit)
    if taken.outcome is Outcome.CREATED:
        await Steering(unit.tx).mark_replay(taken.task_id, original=task.task_id)
        tell_steered(unit, body, replayed_as=taken.task_id)
    return taken.task_id
