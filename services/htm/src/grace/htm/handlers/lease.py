"""Workers keep what they took: beats."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from grace.contracts.htm import Beat, Beaten, ClaimTasks, ReportTasks, RunningAttempt
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.progress import Progress, furthest_of, word_of
from grace.htm.domain.routing import task_id_of
from grace.htm.settings import Settings
from grace.htm.store import Attempts
from grace.htm.store.progress import Progresses
from grace.kit import Called, Unauthenticated, Unit


async def on_beat(settings: Settings, call: Called[Beat], unit: Unit) -> Beaten:
    """Renew the leases of a worker's attempts, and name those that it must stop."""
    beaten = call.body.attempts
    ids = [task_id_of(attempt.task_id) for attempt in beaten]
    owner = owner_of(call, call.body.worker_id)
    to_stop = await Attempts(unit.tx).extend_leases(
        {(i, a.attempt_number) for i, a in zip(ids, beaten, strict=True) if i is not None},
        owner,
        lease=settings.lease,
    )
    await Progresses(unit.tx).note_progress(furthest_of(_told(beaten, owner)))
    stop, cancel = [], []
    for task_id, attempt in zip(ids, beaten, strict=True):
        if task_id is None or to_stop.get((task_id, attempt.attempt_number), False):
            stop.append(attempt)
        elif (task_id, attempt.attempt_number) in to_stop:
            cancel.append(attempt)
    lease_ms = milliseconds(settings.lease)
    return Beaten(stop=tuple(stop), lease_ms=lease_ms, cancel=tuple(cancel))


def _told(beaten: Iterable[RunningAttempt], owner: Owner) -> Iterator[Progress]:
    for attempt in beaten:
        task_id, said = task_id_of(attempt.task_id), attempt.progress
        if said is not None and task_id is not None:
            fence = Fence(task_id, attempt.attempt_number)
            yield Progress(fence, owner, word_of(said.percent, said.message))


def owner_of(
    call: Called[ClaimTasks] | Called[Beat] | Called[ReportTasks], worker_id: str
) -> Owner:
    """The worker that signed a request."""
    if call.caller is None:
        raise Unauthenticated
    return Owner(component=call.caller, worker_id=worker_id)


def milliseconds(duration: timedelta) -> int:
    """A duration as it goes over the wire."""
    return duration // timedelta(milliseconds=1)
