"""Workers report: attempts start and end."""

import json
from collections.abc import Iterator, Sequence
from random import SystemRandom

from grace.contracts.htm import TaskReports, TaskUpdate, TaskUpdateStatus
from grace.htm.domain.owner import Owner
from grace.htm.domain.reports import REFUSED, Kind, Report, Standing, settle
from grace.htm.domain.routing import task_id_of
from grace.htm.settings import Settings
from grace.htm.store import Attempts, tell_moved
from grace.kit import Received, Unit

_DICE = SystemRandom()

Message = Received[TaskUpdate] | Received[TaskReports]


async def on_task_update(settings: Settings, messages: Sequence[Message], unit: Unit) -> None:
    """Bring reported attempts to their ends; reports come twice, late and out of order."""
    told = [(message, tuple(_reports(message))) for message in messages]
    reports = [report for _, theirs in told for report in theirs]
    store = Attempts(unit.tx)
    tasks = await store.attempted_tasks({each.task_id for each in reports if each.task_id})
    settlement = settle(reports, tasks, backoff=settings.backoff)
    await store.start_attempts(settlement.starts)
    tell_moved(unit, await store.close_attempts(settlement.closings))
    standings = iter(settlement.standings)
    for message, theirs in told:
        _account(message, [(report, next(standings)) for report in theirs], unit)


def _account(message: Message, judged: Sequence[tuple[Report, Standing]], unit: Unit) -> None:
    """Count what rightly changed nothing; quarantine a message with a forged report, once."""
    refused = [(report, standing) for report, standing in judged if standing in REFUSED]
    if refused:
        report, standing = refused[0]
        detail = f"{len(refused)} of {len(judged)} reports, the first: {_name(report)}"
        unit.refuse(message, reason=standing, detail=detail)
    for _, standing in judged:
        if standing is not Standing.CURRENT and standing not in REFUSED:
            unit.count(standing, message)
    if not judged:
        unit.count("unspecified", message)


def _name(report: Report) -> str:
    return f"task {report.task_id} attempt {report.attempt_number} by {report.owner}"


def _reports(message: Message) -> Iterator[Report]:
    """The reports of a message; a status from the future is nothing that we could act on."""
    body = message.body
    for update in body.updates if isinstance(body, TaskReports) else (body,):
        if update.status is not TaskUpdateStatus.unspecified:
            yield _report(update, component=message.publisher or "")


def _report(update: TaskUpdate, *, component: str) -> Report:
    return Report(
        task_id=task_id_of(update.task_id),
        attempt_number=update.attempt_number,
        owner=Owner(component=component, worker_id=update.worker_id),
        kind=Kind(update.status),
        jitter=_DICE.random(),
        error_class=update.error_class,
        retryable=update.retryable,
        error_message=update.error_message,
        result_json=_result(update),
    )


def _result(update: TaskUpdate) -> str | None:
    if update.result_json is not None or update.result is None:
        return update.result_json
    return json.dumps(update.result, ensure_ascii=False, separators=(",", ":"))
