"""Others look: pages of tasks, why one stands where it stands, and what hours came to."""

from dataclasses import replace
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from grace.contracts.htm import (
    Block,
    ExplainTask,
    GetTaskMetrics,
    ListTasks,
    TaskMetrics,
    TaskPage,
    TaskReason,
    TypeHour,
    TypeTotals,
)
from grace.htm.domain.figures import total_of
from grace.htm.domain.lifecycle import HELD, State
from grace.htm.domain.listing import LARGEST_PAGE, Filters, next_of, window_of
from grace.htm.domain.routing import task_id_of
from grace.htm.domain.why import Facts, Reason, reason_of
from grace.htm.settings import Settings
from grace.htm.store import Quotas
from grace.htm.store.relations import Relatives
from grace.htm.store.watch import Hours, Pages, counts_of, message_of
from grace.kit import Called, Invalid, NotFound, Runtime

_MOST_HOURS = 1000
_MOST_BLOCKERS = 10


class NoSuchTask(NotFound):
    """No such task."""


class CannotList(Invalid):
    """There is no such page of tasks."""


class TooManyHours(Invalid):
    """These are more than 1000 figures; ask for a shorter time or for one type."""


async def on_list_tasks(call: Called[ListTasks], runtime: Runtime) -> TaskPage:
    """Answer with a page of tasks, newest first; results are asked for one by one."""
    body, filters = call.body, _filters(call.body)
    limit = min(body.limit, LARGEST_PAGE)
    window = window_of(
        filters, before=_id_of(body.before, "before: give `next` of a page as it is"), limit=limit
    )
    async with runtime.reading() as tx:
        pages = Pages(tx)
        ids = await pages.ids(body.tenant_id, filters, window)
        tasks = await pages.tasks(ids, filters, most=limit)
    shown = [UUID(task.task_id) for task in tasks]
    following = next_of(ids, shown, most=window.most, limit=limit)
    return TaskPage(tasks=tuple(tasks), next=str(following) if following else None)


async def on_explain_task(
    settings: Settings, call: Called[ExplainTask], runtime: Runtime
) -> TaskReason:
    """Answer why a task stands where it stands."""
    task_id, facts = task_id_of(call.body.task_id), None
    async with runtime.reading() as tx:
        if task_id is not None:
            history = settings.sla_history
            facts = await Pages(tx).facts(call.body.tenant_id, task_id, history=history)
        if facts is not None and facts.state is State.QUEUED:
            facts = facts.under(*await Quotas(tx).find_standing())
        if facts is not None and facts.state in {State.WAITING, State.JOINING}:
            found = await Relatives(tx).find_blockers(facts.task_id, most=_MOST_BLOCKERS)
            facts = replace(facts, blockers=tuple(found))
    if facts is None:
        raise NoSuchTask
    return _answer(facts, reason_of(facts, silence=settings.worker_silence))


async def on_get_task_metrics(call: Called[GetTaskMetrics], runtime: Runtime) -> TaskMetrics:
    """Answer with the figures of the hours that begin in the time asked for."""
    body = call.body
    async with runtime.reading() as tx:
        hours = await Hours(tx).read(
            body.tenant_id,
            since=body.since, until=body.until, type_=body.type, most=_MOST_HOURS + 1,
        )  # fmt: skip
    if len(hours) > _MOST_HOURS:
        raise TooManyHours
    return TaskMetrics(hours=tuple(hours), totals=tuple(_totals(hours)))


def _filters(body: ListTasks) -> Filters:
    if body.status is not None and body.status not in set(State):
        raise CannotList(f"status: one of {', '.join(State)} is needed")
    return Filters(
        status=body.status,
        kernel=body.kernel,
        origin=body.origin,
        type=body.type,
        mission_id=body.mission_id,
        contract_id=body.contract_id,
        parent_id=_id_of(body.parent_id, "parent_id: give the id of a task"),
        since=body.since,
        until=body.until,
    )


def _id_of(text: str | None, advice: str) -> UUID | None:
    task_id = task_id_of(text) if text is not None else None
    if text is not None and task_id is None:
        raise CannotList(advice)
    return task_id


def _totals(hours: list[TypeHour]) -> list[TypeTotals]:
    by_type = groupby(sorted(hours, key=attrgetter("type")), key=attrgetter("type"))
    return [
        TypeTotals(
            type=name, counts=message_of(total_of(counts_of(hour.counts) for hour in theirs))
        )
        for name, theirs in by_type
    ]


def _answer(facts: Facts, reason: Reason) -> TaskReason:
    queued, held = facts.state is State.QUEUED, facts.state in HELD
    line, timing = facts.line, facts.timing
    return TaskReason(
        task_id=str(facts.task_id),
        status=facts.state,
        sentence=reason.sentence,
        blocks=tuple(Block(kind=each.kind, detail=each.detail) for each in reason.blocks),
        sla_deadline_at=timing.deadline,
        sla_state=reason.sla,
        buffer_seconds=reason.buffer,
        usual_execution_seconds=timing.usual,
        ahead=line.ahead if queued else None,
        ahead_is_exact=line.ahead_is_exact if queued else None,
        kernel_held=line.kernel_held,
        kernel_asked_at=line.kernel_asked_at,
        estimated_start_at=reason.estimated_start_at,
        not_before_at=facts.not_before,
        worker=facts.worker,
        lease_seconds=_left(facts) if held else None,
        running_seconds=_running(facts) if held else None,
        timeout_seconds=facts.timeout.total_seconds(),
        error_class=facts.error_class,
        error_message=facts.error_message,
        same_target=tuple(map(str, facts.same_target)),
    )


def _left(facts: Facts) -> float | None:
    left = facts.lease_until - facts.timing.now if facts.lease_until else None
    return left.total_seconds() if left is not None else None


def _running(facts: Facts) -> float | None:
    if facts.started_at is None:
        return None
    return max(facts.timing.now - facts.started_at, timedelta()).total_seconds()
