"""What htm tells others, in the transaction that made it true."""

from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from grace.contracts.htm import (
    QueueSteered,
    SlaChange,
    SteerQueue,
    SteerTask,
    TasksSlaChanged,
    TaskSteered,
    WorkHint,
)
from grace.contracts.subjects import SUBJECTS
from grace.htm import metrics
from grace.htm.domain.announcements import Moved, SlaChanged, per_tenant
from grace.htm.domain.lifecycle import State
from grace.htm.domain.routing import NewTask
from grace.htm.store.relations import Ends
from grace.htm.store.written import completed, enqueued, finished
from grace.kit import Unit


def tell_enqueued(unit: Unit, tasks: Sequence[NewTask]) -> None:
    """Tell that tasks were taken in, and wake the workers that wait for them."""
    for tenant_id, batch in per_tenant(tasks):
        unit.publish(enqueued(batch), tenant=tenant_id)
    hint_work(unit, (task.kernel for task in tasks))


def hint_work(unit: Unit, kernels: Iterable[str]) -> None:
    """Wake idle workers of these kernels, once each."""
    for kernel in sorted(set(kernels)):
        subject = SUBJECTS[WorkHint.SUBJECT].at(kernel=kernel)
        unit.hint(WorkHint(kernel=kernel), subject=subject)


def tell_moved(unit: Unit, moved: Sequence[Moved]) -> None:
    """Tell which tasks came to rest, and which of them succeeded; measure all of them."""
    if not moved:
        return
    unit.after_commit(partial(metrics.measure, tuple(moved)))
    if any(task.followed for task in moved):
        tell_followed(unit)
    for tenant_id, batch in per_tenant([task for task in moved if task.is_worth_telling]):
        unit.publish(finished(batch), tenant=tenant_id)
        if succeeded := [task for task in batch if task.state is State.SUCCEEDED]:
            unit.publish(completed(succeeded), tenant=tenant_id)


def tell_followed(unit: Unit) -> None:
    """Let ends that others wait for be followed at once."""
    unit.after_commit(partial(unit.runtime.wake, Ends))


def tell_sla(unit: Unit, changes: Sequence[SlaChanged]) -> None:
    """Tell which tasks stand otherwise to their deadlines."""
    unit.after_commit(partial(metrics.count_sla, tuple(changes)))
    for tenant_id, batch in per_tenant(changes):
        unit.publish(TasksSlaChanged(tasks=tuple(map(_sla_change, batch))), tenant=tenant_id)


def _sla_change(change: SlaChanged) -> SlaChange:
    return SlaChange(
        task_id=str(change.task_id),
        type=change.type,
        origin=change.origin,
        sla_state=change.sla_state,
        previous=change.previous,
        sla_deadline_at=change.sla_deadline_at,
        changed_at=change.changed_at,
        contract_id=change.contract_id,
        mission_id=change.mission_id,
    )


def tell_steered(
    unit: Unit, body: SteerTask | SteerQueue, *, replayed_as: UUID | None = None
) -> None:
    """Tell who steered what, for the record."""
    record: TaskSteered | QueueSteered
    if isinstance(body, SteerTask):
        record = TaskSteered(
            task_id=body.task_id,
            tenant_id=body.tenant_id,
            act=body.act,
            actor=body.principal,
            reason=body.reason,
            replayed_as=str(replayed_as) if replayed_as else None,
        )
    else:
        record = QueueSteered(
            kernel=body.kernel,
            tenant_id=body.tenant_id,
            act=body.act,
            actor=body.principal,
            reason=body.reason,
        )
    unit.publish(record, tenant=body.tenant_id)
