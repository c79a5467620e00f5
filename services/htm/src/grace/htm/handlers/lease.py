"""Workers take tasks and keep them: claims and beats."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from grace.contracts.htm import Beat, Beaten, ClaimedTask, ClaimedTasks, ClaimTasks, TaskSpec
from grace.htm.domain.owner import Owner
from grace.htm.domain.routing import is_kernel, task_id_of
from grace.htm.domain.schedule import Request, choose_next, wanted_of
from grace.htm.settings import Settings
from grace.htm.store import Attempts, Claimed, Claims, Steering
from grace.kit import Called, Unauthenticated, Unit

# What an answer may hold of task specs, in bytes: a message has at most 1 MiB.
_ROOM = 800 * 1024


async def on_claim(
    settings: Settings, calls: Sequence[Called[ClaimTasks]], unit: Unit
) -> Sequence[ClaimedTasks]:
    """Serve every worker that waits, by one claim at a time: limits are exact."""
    store, most = Claims(unit.tx), settings.claim_most
    requests = [_request(call, most=most) for call in calls]
    await store.lock_claims()
    heads = await store.queue_heads(wanted_of(requests, most=most))
    chosen = choose_next(heads, requests, most=most)
    claimed = await store.assign_tasks(
        [(each.task_id, requests[each.request]) for each in chosen], lease=settings.lease
    )
    answers: list[list[ClaimedTask]] = [[] for _ in calls]
    for each in chosen:
        if task := claimed.get(each.task_id):
            answers[each.request].append(_claimed(each.task_id, task, lease=settings.lease))
    return [ClaimedTasks(tasks=tuple(tasks)) for tasks in answers]


async def on_beat(settings: Settings, call: Called[Beat], unit: Unit) -> Beaten:
    """Renew the leases of a worker's attempts, and name those that it must stop."""
    beaten = call.body.attempts
    ids = [task_id_of(attempt.task_id) for attempt in beaten]
    lost = await Attempts(unit.tx).extend_leases(
        {(i, a.attempt_number) for i, a in zip(ids, beaten, strict=True) if i is not None},
        _owner(call, call.body.worker_id),
        lease=settings.lease,
    )
    stop = [
        attempt
        for task_id, attempt in zip(ids, beaten, strict=True)
        if task_id is None or (task_id, attempt.attempt_number) in lost
    ]
    cancelled = await Steering(unit.tx).cancelled_attempts([i for i in ids if i is not None])
    cancel = [
        attempt
        for task_id, attempt in zip(ids, beaten, strict=True)
        if task_id in cancelled and attempt not in stop
    ]
    lease_ms = _milliseconds(settings.lease)
    return Beaten(stop=tuple(stop), lease_ms=lease_ms, cancel=tuple(cancel))


def _request(call: Called[ClaimTasks], *, most: int) -> Request:
    return Request(
        owner=_owner(call, call.body.worker_id),
        key_id=call.key_id or "",
        kernels=frozenset(filter(is_kernel, call.body.kernels)),
        slots=min(call.body.slots, most),
        room=_ROOM,
    )


def _owner(call: Called[ClaimTasks] | Called[Beat], worker_id: str) -> Owner:
    if call.caller is None:
        raise Unauthenticated
    return Owner(component=call.caller, worker_id=worker_id)


def _claimed(task_id: UUID, claimed: Claimed, *, lease: timedelta) -> ClaimedTask:
    return ClaimedTask(
        task_id=str(task_id),
        attempt_number=claimed.attempt_number,
        lease_ms=_milliseconds(lease),
        spec=TaskSpec.from_bytes(claimed.spec.encode()),
    )


def _milliseconds(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)
