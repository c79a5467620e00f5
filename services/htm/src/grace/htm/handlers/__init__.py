"""What htm answers and what it reads: one file per matter, about ten lines per handler."""

from functools import partial

from grace.contracts.htm import (
    Beat,
    ChangeSchedule,
    ClaimTasks,
    DropLimit,
    DropSchedule,
    ExplainTask,
    GetQuotas,
    GetRoutingStats,
    GetSchedule,
    GetTaskMetrics,
    GetTasks,
    ListDeadLetters,
    ListLimits,
    ListQueues,
    ListSchedules,
    ListTasks,
    ReportTasks,
    SetLimit,
    SetQuotas,
    SetSchedule,
    SteerQueue,
    SteerTask,
    SubmitTasks,
    TaskReports,
    TaskSubmit,
    TaskUpdate,
)
from grace.htm.handlers import fairness, schedules
from grace.htm.handlers.claim import Memory, on_claim
from grace.htm.handlers.lease import on_beat
from grace.htm.handlers.query import on_get_tasks
from grace.htm.handlers.queues import on_list_queues, on_steer_queue
from grace.htm.handlers.report import on_report, on_task_update
from grace.htm.handlers.steer import on_list_dead_letters, on_steer_task
from grace.htm.handlers.submit import on_submit, on_task_submit
from grace.htm.handlers.watch import on_explain_task, on_get_task_metrics, on_list_tasks
from grace.htm.settings import Settings
from grace.kit import Rpc, Stream


def stream(settings: Settings) -> Stream:
    """The JetStream subjects. Keys and fences decide what is new, so no inbox."""
    return (
        Stream()
        .on(TaskSubmit, partial(on_task_submit, settings))
        .on((TaskUpdate, TaskReports), partial(on_task_update, settings))
    )


def rpc(settings: Settings) -> Rpc:
    """The requests. What many ask at once is answered by one transaction."""
    memory = Memory()
    return (
        Rpc()
        .on_many(
            SubmitTasks, partial(on_submit, settings), weight=lambda call: len(call.body.tasks)
        )
        .on_many(ClaimTasks, partial(on_claim, settings, memory))
        .on_many(
            ReportTasks,
            partial(on_report, settings, memory),
            weight=lambda call: len(call.body.updates),
        )
        .on(Beat, partial(on_beat, settings))
        .direct(GetTasks, on_get_tasks)
        .on(SteerTask, partial(on_steer_task, settings))
        .direct(ListDeadLetters, on_list_dead_letters)
        .on(SteerQueue, on_steer_queue)
        .direct(ListQueues, on_list_queues)
        .direct(GetQuotas, fairness.on_get_quotas)
        .on(SetQuotas, fairness.on_set_quotas)
        .direct(GetRoutingStats, fairness.on_get_routing_stats)
        .direct(ListLimits, fairness.on_list_limits)
        .on(SetLimit, fairness.on_set_limit)
        .on(DropLimit, fairness.on_drop_limit)
        .on(SetSchedule, partial(schedules.on_set_schedule, settings))
        .on(ChangeSchedule, partial(schedules.on_change_schedule, settings))
        .on(DropSchedule, schedules.on_drop_schedule)
        .direct(GetSchedule, schedules.on_get_schedule)
        .direct(ListSchedules, schedules.on_list_schedules)
        .direct(ListTasks, on_list_tasks)
        .direct(ExplainTask, partial(on_explain_task, settings))
        .direct(GetTaskMetrics, on_get_task_metrics)
    )
