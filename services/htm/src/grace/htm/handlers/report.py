"""Workers report: attempts start and end."""

import json
from collections.abc import Iterator, Sequence
from random import Random

from grace.contracts.htm import TaskReports, TaskUpdate, TaskUpdateStatus
from grace.htm.domain.owner import Owner
from grace.htm.domain.reports import (
    REFUSED,
    Kind,
    Reference,
    Report,
    Settlement,
    Standing,
    only_successes,
    settle,
)
from grace.htm.domain.routing import task_id_of
from grace.htm.settings import Settings
from grace.htm.store import Attempts, tell_moved
from grace.htm.store.results import References
from grace.kit import Received, Unit

_DICE = Random()  # noqa: S311 - spreads retries, and every report throws it
_KINDS = {status: Kind(status) for status in TaskUpdateStatus if status in {*Kind}}

Message = Received[TaskUpdate] | Received[TaskReports]


async def on_task_update(settings: Settings, messages: Sequence[Message], unit: Unit) -> None:
    """Bring reported attempts to their ends; reports come twice, late and out of order."""
    told = [(message, tuple(_reports(message))) for message in messages]
    reports = [report for _, theirs in told for report in theirs]
    moved = await Attempts(unit.tx).succeed(reports) if only_successes(reports) else []
    ended = {task.task_id for task in moved}
    rest = [report for report in reports if report.task_id not in ended]
    settlement = await _settle(settings, rest, unit)
    tell_moved(unit, [*moved, *await Attempts(unit.tx).close_attempts(settlement.closings)])
    standings = iter(settlement.standings)
    for message, theirs in told:
        odd = [(r, next(standings)) for r in theirs if r.task_id not in ended]
        _account(message, odd, unit, reports=len(theirs))


async def _settle(settings: Settings, reports: Sequence[Report], unit: Unit) -> Settlement:
    """Judge reports by the tasks as they stand, and note the attempts that have begun."""
    if not reports:
        return settle((), {}, backoff=settings.backoff)
    store = Attempts(unit.tx)
    tasks = await store.attempted_tasks({each.task_id for each in reports if each.task_id})
    settlement = settle(reports, tasks, backoff=settings.backoff)
    await store.start_attempts(settlement.starts)
    await References(unit.tx).note_references(settlement.closings)
    return settlement


def _account(
    message: Message, judged: Sequence[tuple[Report, Standing]], unit: Unit, *, reports: int
) -> None:
    """Count what rightly changed nothing; quarantine a message with a forged report, once."""
    refused = [(report, standing) for report, standing in judged if standing in REFUSED]
    if refused:
        report, standing = refused[0]
        detail = f"{len(refused)} of {reports} reports, the first: {_name(report)}"
        unit.refuse(message, reason=standing, detail=detail)
    for _, standing in judged:
        if standing is not Standing.CURRENT and standing not in REFUSED:
            unit.count(standing, message)
    if not reports:
        unit.count("unspecified", message)


def _name(report: Report) -> str:
    return f"task {report.task_id} attempt {report.attempt_number} by {report.owner}"


def _reports(message: Message) -> Iterator[Report]:
    """The reports of a message; a status from the future is nothing that we could act on."""
    body, component = message.body, message.publisher or ""
    owner = Owner(component, "")
    for update in body.updates if isinstance(body, TaskReports) else (body,):
        if update.status is TaskUpdateStatus.unspecified:
            continue
        if update.worker_id != owner.worker_id:  # the same in all of a message, but for forgeries
            owner = Owner(component, update.worker_id)
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
        )


def _reference(update: TaskUpdate) -> Reference | None:
    if update.result_sha256 is None:
        return None
    return Reference(update.result_sha256, update.result_size_bytes)


def _result(update: TaskUpdate) -> str | None:
    if update.result_json is not None or update.result is None:
        return update.result_json
    return json.dumps(update.result, ensure_ascii=False, separators=(",", ":"))
