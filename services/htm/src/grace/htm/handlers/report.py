"""Workers report: attempts start and end."""

import json
from collections.abc import Awaitable, Callable, Collection, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from uuid import UUID

from grace.contracts.htm import (
    ClaimedTasks,
    ReportTasks,
    TaskReports,
    TaskUpdate,
    TaskUpdateStatus,
)
from grace.htm.domain.owner import Owner
from grace.htm.domain.progress import Word, word_of
from grace.htm.domain.reports import (
    REFUSED,
    Attempted,
    Kind,
    Reference,
    Report,
    Settlement,
    Standing,
    fence_of,
    only_successes,
    settle,
)
from grace.htm.domain.routing import task_id_of
from grace.htm.handlers.claim import Memory, hand_out, handed_out, kernels_of
from grace.htm.handlers.lease import owner_of
from grace.htm.settings import Settings
from grace.htm.store import Attempts, Line, Quotas, tell_moved
from grace.htm.store.progress import Progresses
from grace.htm.store.results import References
from grace.kit import Called, Forbidden, GraceError, Received, Unit

_DICE = Random()  # noqa: S311 - spreads retries, and every report throws it
_KINDS = {status: Kind(status) for status in TaskUpdateStatus if status in {*Kind}}

Message = Received[TaskUpdate] | Received[TaskReports]
Told = tuple[Report, ...]
Judged = Sequence[tuple[Report, Standing]]
Look = Callable[[Collection[UUID]], Awaitable[Mapping[UUID, Attempted]]]


async def on_task_update(settings: Settings, messages: Sequence[Message], unit: Unit) -> None:
    """Bring reported attempts to their ends; reports come twice, late and out of order."""
    told = [tuple(_reports(m.body, m.publisher)) for m in messages]
    judged = await _end_attempts(settings, told, unit)
    for message, theirs, odd in zip(messages, told, judged, strict=True):
        if detail := _refused(odd, reports=len(theirs)):
            unit.refuse(message, reason=_first_refused(odd), detail=detail)
        _account(message, theirs, odd, unit)


async def on_report(
    settings: Settings, memory: Memory, calls: Sequence[Called[ReportTasks]], unit: Unit
) -> Sequence[ClaimedTasks | GraceError]:
    """The same by request, with tasks for the hands that are free now: one commit for both.

    Who tells of tasks that are not its own gets none; over the stream it is quarantined.
    """
    await memory.asked.note(calls, unit)
    told = [tuple(_reports(call.body, call.caller)) for call in calls]
    judged = await _end_attempts(settings, told, unit)
    for call, theirs, odd in zip(calls, told, judged, strict=True):
        _account(call, theirs, odd, unit)
    refused = [_refused(odd, reports=len(r)) for r, odd in zip(told, judged, strict=True)]
    honest = [call for call, detail in zip(calls, refused, strict=True) if not detail]
    wanted = kernels_of(call.body.claim for call in honest if call.body.claim)
    # Only now: what others report ends meanwhile. Who has the turn waits for no task.
    has_turn = bool(wanted) and await Line(unit.tx).take_turn(wanted)
    filled = iter(await _fill(settings, memory, honest, unit) if has_turn else ())
    nothing = handed_out((), drained=bool(wanted))
    return [Forbidden(detail) if detail else next(filled, nothing) for detail in refused]


async def _fill(
    settings: Settings, memory: Memory, calls: Sequence[Called[ReportTasks]], unit: Unit
) -> Sequence[ClaimedTasks]:
    """Tasks for those who want more, in the order of the calls."""
    wishes = [
        (owner_of(call, claim.worker_id), call.key_id, claim)
        for call in calls
        if (claim := call.body.claim)
    ]
    if not wishes:
        return [handed_out((), drained=False) for _ in calls]
    standing = await Quotas(unit.tx).find_standing()
    handed, drained = await hand_out(settings, memory, standing, wishes, unit)
    tasks = iter(handed)
    return [handed_out(next(tasks) if c.body.claim else (), drained=drained) for c in calls]


async def _end_attempts(settings: Settings, told: Sequence[Told], unit: Unit) -> Sequence[Judged]:
    """End what was told of; for each message the reports that more is to be said about."""
    reports, store = [report for theirs in told for report in theirs], Attempts(unit.tx)
    moved, look = [], store.attempted_tasks
    if only_successes(reports):  # tasks are locked once: here, or by the look at them
        moved, look = await store.succeed(reports), store.refused_tasks
    ended = {task.task_id for task in moved}
    rest = [report for report in reports if report.task_id not in ended]
    settlement = await _settle(settings, rest, look, unit)
    tell_moved(unit, [*moved, *await store.close_attempts(settlement.closings)])
    standings = iter(settlement.standings)
    return [[(r, next(standings)) for r in theirs if r.task_id not in ended] for theirs in told]


async def _settle(
    settings: Settings, reports: Sequence[Report], look: Look, unit: Unit
) -> Settlement:
    """Judge reports by the tasks as they stand, and note the attempts that have begun."""
    if not reports:
        return settle((), {}, policies=settings.policies)
    tasks = await look({each.task_id for each in reports if each.task_id})
    if told := {each.task_id for each in reports if each.progress}:
        tasks = await _with_progress(tasks, told, unit)
    settlement = settle(reports, tasks, policies=settings.policies)
    await Attempts(unit.tx).start_attempts(settlement.starts)
    await Progresses(unit.tx).note_progress(settlement.progress)
    await References(unit.tx).note_references(settlement.closings)
    return settlement


async def _with_progress(
    tasks: Mapping[UUID, Attempted], told: Container[UUID | None], unit: Unit
) -> Mapping[UUID, Attempted]:
    """The tasks, those that are told of with how far they said they were."""
    fences = [fence_of(task) for task in tasks.values() if task.task_id in told]
    known = await Progresses(unit.tx).find_progress(fences)
    return {i: replace(task, said=known[i]) if i in known else task for i, task in tasks.items()}


def _account(
    message: Message | Called[ReportTasks], theirs: Told, judged: Judged, unit: Unit
) -> None:
    """Count what rightly changed nothing."""
    for _, standing in judged:
        if standing is not Standing.CURRENT and standing not in REFUSED:
            unit.count(standing, message)
    if not theirs:
        unit.count("unspecified", message)


def _refused(judged: Judged, *, reports: int) -> str:
    """What is wrong with a message that has a forged report in it; nothing with others."""
    refused = [report for report, standing in judged if standing in REFUSED]
    if not refused:
        return ""
    first = refused[0]
    name = f"task {first.task_id} attempt {first.attempt_number} by {first.owner}"
    return f"{len(refused)} of {reports} reports, the first: {name}"


def _first_refused(judged: Judged) -> Standing:
    return next(standing for _, standing in judged if standing in REFUSED)


def _reports(
    body: TaskUpdate | TaskReports | ReportTasks, component: str | None
) -> Iterator[Report]:
    """The reports of a message; a status from the future is nothing that we could act on."""
    owner = Owner(component or "", "")
    for update in (body,) if isinstance(body, TaskUpdate) else body.updates:
        if update.status is TaskUpdateStatus.unspecified:
            continue
        if update.worker_id != owner.worker_id:  # the same in all of a message, but for forgeries
            owner = Owner(component or "", update.worker_id)
        yield Report(
            task_id_of(update.task_id),
            update.attempt_number,
            owner,
            _KINDS[update.status],
            jitter=_DICE.random(),
            error_class=update.error_class,
            retryable=update.retryable,
            error_message=update.error_message,
            result_json=_result(update),
            reference=_reference(update),
            progress=_progress(update),
        )


def _progress(update: TaskUpdate) -> Word | None:
    said = update.progress
    return word_of(said.percent, said.message) if said is not None else None


def _reference(update: TaskUpdate) -> Reference | None:
    if update.result_sha256 is None:
        return None
    return Reference(update.result_sha256, update.result_size_bytes)


def _result(update: TaskUpdate) -> str | None:
    if update.result_json is not None or update.result is None:
        return update.result_json
    return json.dumps(update.result, ensure_ascii=False, separators=(",", ":"))
