"""The messages of grace.htm.v1. Generated from proto/ by proto/generate.py: do not edit."""

from enum import StrEnum
from typing import Annotated, ClassVar, Self

from pydantic import Field

from grace.contracts.governance import Capability
from grace.contracts.message import Message
from grace.contracts.scalars import (
    Bool,
    Double,
    Id,
    Int32,
    Int64,
    LongText,
    Struct,
    Text,
    Timestamp,
    UInt32,
)

__all__ = [
    "Attempt",
    "Beat",
    "Beaten",
    "Block",
    "ChangeSchedule",
    "ClaimTasks",
    "ClaimedTask",
    "ClaimedTasks",
    "DeadLetter",
    "DeadLetters",
    "DropLimit",
    "DropSchedule",
    "ExplainTask",
    "FinishedTask",
    "GetQuotas",
    "GetRoutingStats",
    "GetSchedule",
    "GetTaskMetrics",
    "GetTasks",
    "Job",
    "JobsCompleted",
    "JobsEnqueued",
    "Limit",
    "LimitChanged",
    "Limits",
    "ListDeadLetters",
    "ListLimits",
    "ListQueues",
    "ListSchedules",
    "ListTasks",
    "ListedTask",
    "OriginStats",
    "Progress",
    "Queue",
    "QueueSteered",
    "Queues",
    "Quota",
    "Quotas",
    "QuotasChanged",
    "ReportTasks",
    "RoutingStats",
    "RunningAttempt",
    "Schedule",
    "ScheduleChanged",
    "Schedules",
    "SetLimit",
    "SetQuotas",
    "SetSchedule",
    "SlaChange",
    "Spread",
    "SteerQueue",
    "SteerTask",
    "SubmitTasks",
    "SubmittedTask",
    "SubmittedTasks",
    "Task",
    "TaskCounts",
    "TaskMetrics",
    "TaskPage",
    "TaskReason",
    "TaskReports",
    "TaskSpec",
    "TaskSteered",
    "TaskSubmit",
    "TaskUpdate",
    "TaskUpdateStatus",
    "Tasks",
    "TasksFinished",
    "TasksSlaChanged",
    "TypeHour",
    "TypeTotals",
    "WorkHint",
]


class Quota(Message):
    """An origin's share of what may be in flight."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Quota"

    origin: Id = Field(description="Who is charged: intent, verification, outside ..")
    share_percent: UInt32 = Field(
        description="Of the capacity, rounded down; all together at most 100."
    )
    weight: Double = Field(
        description="Who has twice the weight may hold twice as much, quotas aside; 0.001 to 1000."
    )
    lends: Bool = Field(
        description="What is idle is lent, and may be borrowed; otherwise its share is a wall both ways."
    )


class Quotas(Message):
    """Capacity and quotas; origins that have none share what is left."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Quotas"

    capacity: UInt32 = Field(description="Tasks that may be in flight at the same time.")
    quotas: tuple[Quota, ...] = Field(default=(), max_length=1000)
    version: Annotated[LongText, Field(max_length=64)] | None = Field(
        default=None,
        description="Another one for other shares: who changes them says what was read.",
    )


class GetQuotas(Message):
    """Asks for capacity and quotas."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.GetQuotas"
    SUBJECT: ClassVar[str] = "rpc.htm.quotas"
    REPLY: ClassVar[type[Quotas]] = Quotas


class SetQuotas(Message):
    """Puts these in the place of all that were set before, from the next claim on."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SetQuotas"
    SUBJECT: ClassVar[str] = "rpc.htm.set_quotas"
    REPLY: ClassVar[type[Quotas]] = Quotas

    capacity: Annotated[UInt32, Field(ge=1)]
    quotas: tuple[Quota, ...] = Field(default=(), max_length=100)
    requested_by: Id
    if_version: Annotated[LongText, Field(max_length=64)] | None = Field(
        default=None, description="Only where these shares still hold; whatever holds, without it."
    )


class QuotasChanged(Message):
    """Somebody set capacity and quotas."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.QuotasChanged"
    SUBJECT: ClassVar[str] = "htm.quotas.changed"

    capacity: UInt32
    quotas: tuple[Quota, ...] = Field(default=(), max_length=100)
    requested_by: Id


class OriginStats(Message):
    """Part of `RoutingStats`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.OriginStats"

    origin: Id
    current_count: UInt32 = Field(description="Tasks of the origin in flight.")
    quota: UInt32 = Field(
        description="Tasks that it may always hold; origins without a quota of their own share one."
    )
    quota_used: Text = Field(description="current_count/quota, e.g. 1/12.")
    utilization: Double = Field(
        description="The same as a number, to two places; above 1 while it borrows."
    )


class RoutingStats(Message):
    """The answer on `rpc.htm.routing`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.RoutingStats"

    capacity: UInt32 = Field(description="Tasks that may be in flight at the same time.")
    current_count: UInt32 = Field(description="Tasks that are.")
    origins: tuple[OriginStats, ...] = Field(
        default=(), max_length=1000, description="Those that have a quota or hold a task."
    )


class GetRoutingStats(Message):
    """How much each origin holds at this moment."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.GetRoutingStats"
    SUBJECT: ClassVar[str] = "rpc.htm.routing"
    REPLY: ClassVar[type[RoutingStats]] = RoutingStats


class Limit(Message):
    """What a key of a tenant allows."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Limit"

    key: Id
    concurrency: UInt32 | None = Field(
        default=None, description="Tasks in flight at the same time; no limit where absent."
    )
    rate_per_second: Double | None = Field(
        default=None, description="Tasks that may begin in a second; no limit where absent."
    )
    burst: UInt32 | None = Field(
        default=None, description="Tasks that may begin at once after a pause."
    )
    updated_at: Timestamp


class Limits(Message):
    """The answer on `rpc.htm.limits`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Limits"

    limits: tuple[Limit, ...] = Field(default=(), max_length=1000)


class ListLimits(Message):
    """A page of a tenant's limits, in the order of their keys."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ListLimits"
    SUBJECT: ClassVar[str] = "rpc.htm.limits"
    REPLY: ClassVar[type[Limits]] = Limits

    tenant_id: Id
    after: Id | None = Field(default=None, description="The last key of the page before.")
    limit: Annotated[UInt32, Field(ge=1)]


class SetLimit(Message):
    """Gives a key its limit, from the next claim on."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SetLimit"
    SUBJECT: ClassVar[str] = "rpc.htm.set_limit"
    REPLY: ClassVar[type[Limit]] = Limit

    tenant_id: Id
    key: Id
    concurrency: Annotated[UInt32, Field(ge=1)] | None = None
    rate_per_second: Double | None = None
    burst: Annotated[UInt32, Field(ge=1)] | None = Field(
        default=None, description="A second's worth where absent."
    )
    requested_by: Id


class DropLimit(Message):
    """Takes the limit of a key away; not_found where it has none."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.DropLimit"
    SUBJECT: ClassVar[str] = "rpc.htm.drop_limit"
    REPLY: ClassVar[type[Limit]] = Limit

    tenant_id: Id
    key: Id
    requested_by: Id


class LimitChanged(Message):
    """Somebody set or dropped the limit of a key."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.LimitChanged"
    SUBJECT: ClassVar[str] = "htm.limit.changed"

    tenant_id: Id
    key: Id
    change: Id = Field(description="set, dropped")
    concurrency: UInt32 | None = None
    rate_per_second: Double | None = None
    burst: UInt32 | None = None
    requested_by: Id


class TaskSpec(Message):
    """One unit of work for a worker kernel."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskSpec"

    key: Id = Field(description="The submitter's own key: the same key and body is the same task.")
    type: Id = Field(
        description="What it is counted under, e.g. postgres.terminate_blockers.apply."
    )
    kernel: Id
    origin: Id = Field(description="Who is charged for it: verification, intent, outside ..")
    operation: Id
    step: Id = Field(description="observe, apply or revert")
    target: Id
    params: Annotated[LongText, Field(max_length=65536)] = Field(description="JSON object.")
    priority: Int32 = Field(description="Higher is more urgent; 0 is normal.")
    timeout_ms: Annotated[UInt32, Field(ge=1)]
    max_attempts: Annotated[UInt32, Field(ge=1)]
    sla_ms: Annotated[UInt32, Field(ge=1)]
    tenant_id: Id
    action_id: Text | None = None
    contract_id: Text | None = None
    mission_id: Text | None = None
    capability: Capability | None = None
    before: Annotated[LongText, Field(max_length=262144)] | None = Field(
        default=None, description="For a revert: the JSON of the state to restore."
    )
    after: Annotated[LongText, Field(max_length=262144)] | None = Field(
        default=None, description="For a revert: the JSON of the state that the action left."
    )
    limit_key: Id | None = Field(
        default=None, description="What it counts under: the limit of this key of its tenant holds."
    )
    requires: tuple[Id, ...] = Field(
        default=(), max_length=8, description="Capabilities that its worker must have."
    )
    affinity: Id | None = Field(
        default=None, description="The worker that it prefers, for a short time."
    )
    depends_on: tuple[Id, ...] = Field(
        default=(),
        max_length=64,
        description="Ids of tasks that must have succeeded before it begins; if one ends otherwise, it is cancelled.",
    )
    depends_on_keys: tuple[Id, ...] = Field(
        default=(), max_length=64, description="The same by client keys, of this request or stored."
    )
    deadline_at: Timestamp | None = Field(
        default=None, description="After it nobody begins it, and who runs it is told to stop."
    )
    parent_id: Id | None = Field(
        default=None,
        description="The task that ends only after this one, and takes it along when it is cancelled.",
    )
    parent_key: Id | None = Field(default=None, description="The same by its client key.")
    run_at: Timestamp | None = Field(
        default=None,
        description="Nobody begins it before; its deadline counts from then. At once where it has passed.",
    )
    unique_key: Id | None = Field(
        default=None, description="At most one live task of a tenant holds it."
    )
    unique_policy: Id | None = Field(
        default=None,
        description="Where one does: refuse (also where nothing is said), replace, join.",
    )
    target_definition: Id | None = Field(
        default=None,
        description="What the target must stand for; a worker that knows it otherwise refuses.",
    )


class TaskSubmit(Message):
    """Submits tasks over the bus, from anyone.

    A task that changes something still needs a capability.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskSubmit"
    SUBJECT: ClassVar[str] = "htm.task.submit"

    tasks: tuple[TaskSpec, ...] = Field(default=(), max_length=1000)


class SubmittedTask(Message):
    """Part of `SubmittedTasks`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SubmittedTask"

    key: Id
    outcome: Id = Field(
        description="created, existing, conflict; joined, refused: task_id holds its unique key"
    )
    task_id: Id


class SubmittedTasks(Message):
    """The answer on `rpc.htm.submit`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SubmittedTasks"

    tasks: tuple[SubmittedTask, ...] = Field(
        default=(), max_length=1000, description="In the order of the request."
    )


class SubmitTasks(Message):
    """The same for Grace's own services; answered after the commit."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SubmitTasks"
    SUBJECT: ClassVar[str] = "rpc.htm.submit"
    REPLY: ClassVar[type[SubmittedTasks]] = SubmittedTasks

    tasks: tuple[TaskSpec, ...] = Field(default=(), max_length=1000)


class ClaimedTask(Message):
    """Part of `ClaimedTasks`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ClaimedTask"

    task_id: Id
    attempt_number: UInt32 = Field(description="The fence. Counts from 1.")
    lease_ms: UInt32 = Field(description="What is left of the lease when the answer is written.")
    spec: TaskSpec


class ClaimedTasks(Message):
    """The answer on `rpc.htm.claim`, `rpc.htm.report`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ClaimedTasks"

    tasks: tuple[ClaimedTask, ...] = Field(default=(), max_length=1000)
    drained: Bool | None = Field(
        default=None,
        description="Nothing else waited for these kernels: a hint tells when something does.",
    )


class ClaimTasks(Message):
    """Asks on `rpc.htm.claim`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ClaimTasks"
    SUBJECT: ClassVar[str] = "rpc.htm.claim"
    REPLY: ClassVar[type[ClaimedTasks]] = ClaimedTasks

    worker_id: Id
    kernels: tuple[Text, ...] = Field(default=(), max_length=1000)
    slots: Annotated[UInt32, Field(ge=1)]
    capabilities: tuple[Id, ...] = Field(
        default=(), max_length=64, description="What this worker can, as tasks require it."
    )
    largest_bytes: Annotated[UInt32, Field(ge=16384)] | None = Field(
        default=None, description="No task of a size class that goes beyond: 16 KiB, 128 KiB, more."
    )


class Progress(Message):
    """How far an attempt is.

    It only grows, is shown with the attempt, and ends nothing.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.Progress"

    percent: UInt32 = Field(description="Of its work; what is above 100 counts as 100.")
    message: Text | None = Field(
        default=None, description="What it is at; its first 1000 characters."
    )


class RunningAttempt(Message):
    """Part of `Beat`, `Beaten`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.RunningAttempt"

    task_id: Id
    attempt_number: UInt32
    progress: Progress | None = Field(
        default=None,
        description="In a beat: how far it is, where it can tell; `started` reports may say it, too.",
    )


class Beaten(Message):
    """The answer on `rpc.htm.beat`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Beaten"

    stop: tuple[RunningAttempt, ...] = Field(
        default=(), max_length=10000, description="Attempts that are no longer the worker's."
    )
    lease_ms: UInt32 = Field(description="How long the others are the worker's from now.")
    cancel: tuple[RunningAttempt, ...] = Field(
        default=(),
        max_length=10000,
        description="Attempts that somebody wants cancelled. They are the worker's still: what has begun ends, what has not is reported as failed.",
    )


class Beat(Message):
    """A worker's beat: all attempts it is running, every few seconds."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Beat"
    SUBJECT: ClassVar[str] = "rpc.htm.beat"
    REPLY: ClassVar[type[Beaten]] = Beaten

    worker_id: Id
    attempts: tuple[RunningAttempt, ...] = Field(default=(), max_length=10000)


class TaskUpdateStatus(StrEnum):
    """A value that is not known here, sent by a newer program, reads as unspecified."""

    unspecified = "unspecified"
    started = "started"
    completed = "completed"
    failed = "failed"
    timeout = "timeout"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.unspecified if isinstance(value, str) else None


class TaskUpdate(Message):
    """A worker reports where one attempt of a task stands."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskUpdate"
    SUBJECT: ClassVar[str] = "htm.task.update"

    task_id: Id
    status: TaskUpdateStatus
    worker_id: Id
    attempt_number: Annotated[UInt32, Field(ge=1)] = Field(
        description="Counts from 1; a report for an older attempt is ignored."
    )
    at: Timestamp
    result: Struct | None = None
    error_message: Text | None = Field(
        default=None,
        description="Of what did not succeed: `completed` with this or an error class is refused.",
    )
    retryable: Bool | None = Field(
        default=None, description="A hint; the error class decides where it is given."
    )
    error_class: Text | None = Field(
        default=None,
        description="transient, system, timeout, validation, user, nonretryable; undecided: whether it took effect cannot be known, and the task needs_attention",
    )
    result_json: Annotated[LongText, Field(max_length=262144)] | None = Field(
        default=None,
        description="The result where its exact bytes matter; `result` turns integers into doubles.",
    )
    result_sha256: Id | None = Field(
        default=None, description="In place of it: the JSON lies in the blob store under this hash,"
    )
    result_size_bytes: UInt32 | None = Field(default=None, description="with so many bytes.")
    progress: Progress | None = Field(
        default=None,
        description="With `started`, again and again: how far it is. What is behind a word before it changes nothing.",
    )


class TaskReports(Message):
    """Many reports in one message."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskReports"
    SUBJECT: ClassVar[str] = "htm.task.update"

    updates: tuple[TaskUpdate, ...] = Field(default=(), max_length=1000)


class ReportTasks(Message):
    """Reports, answered after their commit: not through a stream's disk, and what is free in the worker's hands is filled by the same commit.

    Whoever gets no answer sends them over htm.task.update, where they are the same.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.ReportTasks"
    SUBJECT: ClassVar[str] = "rpc.htm.report"
    REPLY: ClassVar[type[ClaimedTasks]] = ClaimedTasks

    updates: tuple[TaskUpdate, ...] = Field(default=(), max_length=1000)
    claim: ClaimTasks | None = Field(
        default=None, description="Absent: the worker wants nothing more."
    )


class FinishedTask(Message):
    """Part of `TasksFinished`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.FinishedTask"

    task_id: Id
    outcome: Id = Field(
        description="succeeded, failed, cancelled, expired, dead_letter, needs_attention"
    )
    type: Id
    attempts: UInt32
    contract_id: Text | None = None
    mission_id: Text | None = None
    origin: Id | None = None
    total_ms: Int64 | None = Field(
        default=None, description="From the moment it was due to its end."
    )


class TasksFinished(Message):
    """Tasks reached a final or resting state.

    Results are fetched by id.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.TasksFinished"
    SUBJECT: ClassVar[str] = "htm.task.finished"

    tasks: tuple[FinishedTask, ...] = Field(default=(), max_length=256)


class Job(Message):
    """Part of `JobsEnqueued`, `JobsCompleted`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Job"

    task_id: Id
    type: Id
    origin: Id


class JobsEnqueued(Message):
    """Tasks were accepted."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.JobsEnqueued"
    SUBJECT: ClassVar[str] = "job.enqueued"

    jobs: tuple[Job, ...] = Field(default=(), max_length=256)


class JobsCompleted(Message):
    """Tasks succeeded."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.JobsCompleted"
    SUBJECT: ClassVar[str] = "job.completed"

    jobs: tuple[Job, ...] = Field(default=(), max_length=256)


class WorkHint(Message):
    """Work waits for a kernel: wakes idle workers, may be lost."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.WorkHint"
    SUBJECT: ClassVar[str] = "htm.work.{kernel}"

    kernel: Id


class Attempt(Message):
    """Part of `Task`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Attempt"

    attempt_number: UInt32
    worker_id: Id
    outcome: Id = Field(description="running, succeeded, failed, timeout, lapsed")
    assigned_at: Timestamp
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    error_message: Text | None = None
    progress_percent: UInt32 | None = Field(default=None, description="How far it said it was.")
    progress_message: Text | None = Field(default=None, description="What it was at then.")
    progress_at: Timestamp | None = None


class Task(Message):
    """The answer on `rpc.htm.steer`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Task"

    task_id: Id
    tenant_id: Id
    type: Id
    kernel: Id
    origin: Id
    status: Id
    attempt_number: UInt32
    data_size_bytes: UInt32
    created_at: Timestamp
    queued_at: Timestamp | None = None
    assigned_at: Timestamp | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    updated_at: Timestamp
    sla_deadline_at: Timestamp
    result_json: Annotated[LongText, Field(max_length=262144)] | None = None
    error_message: Text | None = None
    error_class: Text | None = None
    attempts: tuple[Attempt, ...] = Field(default=(), max_length=1000)
    cancel_requested_at: Timestamp | None = Field(
        default=None, description="A worker that holds it is told; only a success still counts."
    )
    cancel_requested_by: Text | None = None
    replay_of: Text | None = Field(
        default=None, description="The task that this one does once more."
    )
    run_at: Timestamp | None = Field(default=None, description="Nobody begins it before.")
    parent_id: Text | None = Field(
        default=None, description="The task that ends only after this one."
    )
    depends_on: tuple[Text, ...] = Field(
        default=(), max_length=1000, description="What must have succeeded before it begins."
    )
    cancel_reason: Text | None = Field(
        default=None, description="Whose end cancelled it, or that its deadline passed."
    )
    result_sha256: Text | None = Field(
        default=None, description="Its result lies in the blob store under this hash."
    )
    result_size_bytes: UInt32 | None = None
    deadline_at: Timestamp | None = Field(
        default=None, description="After it nobody begins it, and who runs it is told to stop."
    )


class SteerTask(Message):
    """A person steers a task.

    Twice is the same answer: the task, or for a replay the new task that does it once more.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.SteerTask"
    SUBJECT: ClassVar[str] = "rpc.htm.steer"
    REPLY: ClassVar[type[Task]] = Task

    tenant_id: Id
    task_id: Id
    act: Id = Field(description="cancel, release, replay")
    principal: Id
    reason: Text | None = None


class TaskSteered(Message):
    """Who steered a task.

    Where that ended it, `htm.task.finished` tells of the end.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskSteered"
    SUBJECT: ClassVar[str] = "htm.task.steered"

    task_id: Id
    tenant_id: Id
    act: Id = Field(description="cancel, release, replay")
    actor: Id
    reason: Text | None = None
    replayed_as: Text | None = Field(default=None, description="The new task of a replay.")


class DeadLetter(Message):
    """A task that used up its attempts, without its order and its result."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.DeadLetter"

    task_id: Id
    type: Id
    kernel: Id
    origin: Id
    attempts: UInt32
    error_class: Text | None = None
    error_message: Text | None = Field(default=None, description="Its first 1000 characters.")
    contract_id: Text | None = None
    mission_id: Text | None = None
    created_at: Timestamp
    finished_at: Timestamp
    replayed_as: Text | None = Field(default=None, description="The task that does it once more.")


class DeadLetters(Message):
    """The answer on `rpc.htm.dead_letters`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.DeadLetters"

    letters: tuple[DeadLetter, ...] = Field(default=(), max_length=100)


class ListDeadLetters(Message):
    """Asks on `rpc.htm.dead_letters`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ListDeadLetters"
    SUBJECT: ClassVar[str] = "rpc.htm.dead_letters"
    REPLY: ClassVar[type[DeadLetters]] = DeadLetters

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    before: Text | None = Field(
        default=None, description="A task id: the page goes on with older ones."
    )


class Queue(Message):
    """The queue of a kernel, as a tenant sees it."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Queue"

    kernel: Id
    queued: UInt32 = Field(description="Of this tenant, counted up to 1000.")
    held: UInt32 = Field(description="Of this tenant, in workers' hands, counted up to 1000.")
    paused_at: Timestamp | None = None
    paused_by: Text | None = None
    asked_at: Timestamp | None = Field(
        default=None,
        description="When a worker asked for tasks of this kernel last. Absent: none has, ever.",
    )


class SteerQueue(Message):
    """A person pauses or resumes a kernel: while it is paused nobody gets its tasks, and what runs ends."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SteerQueue"
    SUBJECT: ClassVar[str] = "rpc.htm.steer_queue"
    REPLY: ClassVar[type[Queue]] = Queue

    tenant_id: Id
    kernel: Id
    act: Id = Field(description="pause, resume")
    principal: Id
    reason: Text | None = None


class QueueSteered(Message):
    """Who paused or resumed a kernel."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.QueueSteered"
    SUBJECT: ClassVar[str] = "htm.queue.steered"

    kernel: Id
    tenant_id: Id
    act: Id = Field(description="pause, resume")
    actor: Id
    reason: Text | None = None


class Queues(Message):
    """The answer on `rpc.htm.queues`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Queues"

    queues: tuple[Queue, ...] = Field(default=(), max_length=100)


class ListQueues(Message):
    """Asks on `rpc.htm.queues`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ListQueues"
    SUBJECT: ClassVar[str] = "rpc.htm.queues"
    REPLY: ClassVar[type[Queues]] = Queues

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    after: Text | None = Field(default=None, description="A kernel: the page goes on behind it.")


class Tasks(Message):
    """The answer on `rpc.htm.tasks`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Tasks"

    tasks: tuple[Task, ...] = Field(
        default=(), max_length=256, description="Unknown ids are absent."
    )


class GetTasks(Message):
    """Asks on `rpc.htm.tasks`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.GetTasks"
    SUBJECT: ClassVar[str] = "rpc.htm.tasks"
    REPLY: ClassVar[type[Tasks]] = Tasks

    task_ids: tuple[Text, ...] = Field(default=(), max_length=256)


class Schedule(Message):
    """A schedule as it stands."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Schedule"

    name: Id
    cron: Text = Field(description="Minute, hour, day of month, month, day of week.")
    time_zone: Text = Field(description="IANA, e.g. Europe/Berlin.")
    catch_up: Id = Field(
        description="Of slots that nobody fired in time: skip, one (the last), all."
    )
    catch_up_most: UInt32 = Field(description="How many `all` are at most; the last ones.")
    enabled: Bool
    task: TaskSpec = Field(description="What each slot submits.")
    sentence: Text = Field(description="When it fires next, or why it does not, for people.")
    next_at: Timestamp | None = None
    last_slot_at: Timestamp | None = Field(
        default=None, description="The time that it last fired for."
    )
    last_fired_at: Timestamp | None = Field(default=None, description="When it did.")
    last_task_id: Text | None = None
    last_outcome: Text | None = Field(
        default=None,
        description="created, refused (its unique key was held), joined, or why nothing could be submitted.",
    )
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: Id


class SetSchedule(Message):
    """Sets a schedule.

    Again is the same answer, another one of the same name a conflict.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.SetSchedule"
    SUBJECT: ClassVar[str] = "rpc.htm.set_schedule"
    REPLY: ClassVar[type[Schedule]] = Schedule

    tenant_id: Id
    name: Id
    cron: Annotated[LongText, Field(max_length=200)]
    time_zone: Annotated[LongText, Field(max_length=100)]
    catch_up: Id
    catch_up_most: Annotated[UInt32, Field(ge=1)]
    enabled: Bool
    task: TaskSpec = Field(description="Its key is of no account: each slot has one of its own.")
    requested_by: Id


class ChangeSchedule(Message):
    """Changes what is given of a schedule.

    It goes on with the next slot: none is made up for.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.ChangeSchedule"
    SUBJECT: ClassVar[str] = "rpc.htm.change_schedule"
    REPLY: ClassVar[type[Schedule]] = Schedule

    tenant_id: Id
    name: Id
    cron: Annotated[LongText, Field(max_length=200)] | None = None
    time_zone: Annotated[LongText, Field(max_length=100)] | None = None
    catch_up: Id | None = None
    catch_up_most: Annotated[UInt32, Field(ge=1)] | None = None
    enabled: Bool | None = None
    task: TaskSpec | None = None
    requested_by: Id


class DropSchedule(Message):
    """Takes a schedule away; not_found where there is none.

    Its tasks stay.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.DropSchedule"
    SUBJECT: ClassVar[str] = "rpc.htm.drop_schedule"
    REPLY: ClassVar[type[Schedule]] = Schedule

    tenant_id: Id
    name: Id
    requested_by: Id


class GetSchedule(Message):
    """Asks for one schedule."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.GetSchedule"
    SUBJECT: ClassVar[str] = "rpc.htm.schedule"
    REPLY: ClassVar[type[Schedule]] = Schedule

    tenant_id: Id
    name: Id


class Schedules(Message):
    """The answer on `rpc.htm.schedules`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Schedules"

    schedules: tuple[Schedule, ...] = Field(default=(), max_length=100)


class ListSchedules(Message):
    """A page of a tenant's schedules, in the order of their names."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ListSchedules"
    SUBJECT: ClassVar[str] = "rpc.htm.schedules"
    REPLY: ClassVar[type[Schedules]] = Schedules

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)]
    after: Id | None = Field(default=None, description="The last name of the page before.")


class ScheduleChanged(Message):
    """Somebody set, changed or dropped a schedule."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ScheduleChanged"
    SUBJECT: ClassVar[str] = "htm.schedule.changed"

    tenant_id: Id
    name: Id
    change: Id = Field(description="set, changed, dropped")
    cron: Text
    time_zone: Text
    enabled: Bool
    requested_by: Id


class ListedTask(Message):
    """Part of `TaskPage`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ListedTask"

    task_id: Id
    type: Id
    kernel: Id
    origin: Id
    status: Id
    priority: Int32
    attempt_number: UInt32
    max_attempts: UInt32
    data_size_bytes: UInt32
    created_at: Timestamp
    queued_at: Timestamp
    assigned_at: Timestamp | None = None
    started_at: Timestamp | None = None
    finished_at: Timestamp | None = None
    updated_at: Timestamp
    sla_deadline_at: Timestamp
    sla_state: Id = Field(description="ok, at_risk or breached")
    mission_id: Text | None = None
    contract_id: Text | None = None
    error_class: Text | None = None
    run_at: Timestamp | None = Field(default=None, description="Nobody begins it before.")
    parent_id: Text | None = Field(
        default=None, description="The task that ends only after this one."
    )


class TaskPage(Message):
    """The answer on `rpc.htm.list`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskPage"

    tasks: tuple[ListedTask, ...] = Field(default=(), max_length=100)
    next: Id | None = Field(
        default=None,
        description="Where the next page begins; absent on the last. A page may be short, even empty, and have a next.",
    )


class ListTasks(Message):
    """A page of a tenant's tasks, newest first.

    Every filter narrows it.
    """

    SCHEMA: ClassVar[str] = "grace.htm.v1.ListTasks"
    SUBJECT: ClassVar[str] = "rpc.htm.list"
    REPLY: ClassVar[type[TaskPage]] = TaskPage

    tenant_id: Id
    limit: Annotated[UInt32, Field(ge=1)] = Field(description="At most 100.")
    before: Id | None = Field(default=None, description="The `next` of the page before.")
    status: Id | None = None
    kernel: Id | None = None
    origin: Id | None = None
    type: Id | None = None
    mission_id: Id | None = None
    contract_id: Id | None = None
    since: Timestamp | None = Field(default=None, description="Accepted then or later.")
    until: Timestamp | None = Field(default=None, description="Accepted before.")
    parent_id: Id | None = Field(default=None, description="Its children.")


class Block(Message):
    """Part of `TaskReason`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Block"

    kind: Id = Field(
        description="queue, capacity, quota, limit, no_worker, requires, paused, run_at, retry_wait, needs_attention, depends_on, children"
    )
    detail: Text


class TaskReason(Message):
    """The answer on `rpc.htm.why`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskReason"

    task_id: Id
    status: Id
    sentence: Text = Field(description="All of it in one sentence, for people.")
    blocks: tuple[Block, ...] = Field(
        default=(),
        max_length=16,
        description="What keeps it from going on; empty where nothing does.",
    )
    sla_deadline_at: Timestamp
    sla_state: Id = Field(description="ok, at_risk or breached")
    buffer_seconds: Double = Field(
        description="Deadline - now (or its end) - usual execution time; below zero it will be late."
    )
    usual_execution_seconds: Annotated[Double, Field(ge=0)] = Field(
        description="p95 of its type in the last hours; 0 where none ended."
    )
    ahead: UInt32 | None = Field(
        default=None,
        description="Queued tasks of its kernel, tenant, origin and lane that come first.",
    )
    ahead_is_exact: Bool | None = Field(default=None, description="false: at least so many.")
    kernel_held: UInt32 | None = Field(
        default=None, description="Tasks of its kernel that workers hold now, of all tenants."
    )
    kernel_asked_at: Timestamp | None = Field(
        default=None, description="When a worker last asked for tasks of its kernel; absent: never."
    )
    estimated_start_at: Timestamp | None = Field(
        default=None,
        description="At the rate of its lane's last starts; absent where there were none.",
    )
    not_before_at: Timestamp | None = Field(
        default=None, description="When a retry is due, or a scheduled task."
    )
    worker: Text | None = Field(default=None, description="Who holds it, or held it last.")
    lease_seconds: Double | None = Field(default=None, description="What is left of the lease.")
    running_seconds: Annotated[Double, Field(ge=0)] | None = Field(
        default=None, description="Since its start, of `timeout_seconds`."
    )
    timeout_seconds: Annotated[Double, Field(ge=0)] | None = None
    error_class: Text | None = None
    error_message: Text | None = None
    same_target: tuple[Text, ...] = Field(
        default=(),
        max_length=10,
        description="Tasks of the tenant that workers hold on the same target; htm itself does not wait for them.",
    )


class ExplainTask(Message):
    """Why a task stands where it stands."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.ExplainTask"
    SUBJECT: ClassVar[str] = "rpc.htm.why"
    REPLY: ClassVar[type[TaskReason]] = TaskReason

    tenant_id: Id
    task_id: Id


class TaskCounts(Message):
    """Part of `TypeHour`, `TypeTotals`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskCounts"

    tasks: UInt32
    succeeded: UInt32
    failed: UInt32
    dead_letter: UInt32
    expired: UInt32
    cancelled: UInt32
    attempts: UInt32
    retried: UInt32 = Field(description="Tasks that needed more than one attempt.")
    retried_succeeded: UInt32 = Field(description="Those of them that succeeded.")
    lapses: UInt32 = Field(description="Leases that ran out.")
    breached: UInt32 = Field(description="Not cancelled, and ended after their deadline.")
    success_rate: Annotated[Double, Field(ge=0)] | None = Field(
        default=None, description="Of those not cancelled; absent where there are none."
    )
    sla_rate: Annotated[Double, Field(ge=0)] | None = Field(
        default=None, description="In time, of those not cancelled; absent where there are none."
    )


class Spread(Message):
    """Exact figures in seconds; absent where no task has such a time."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.Spread"

    avg: Annotated[Double, Field(ge=0)] | None = None
    p50: Annotated[Double, Field(ge=0)] | None = None
    p95: Annotated[Double, Field(ge=0)] | None = None
    p99: Annotated[Double, Field(ge=0)] | None = None


class TypeHour(Message):
    """Part of `TaskMetrics`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TypeHour"

    type: Id
    hour: Timestamp = Field(description="Its beginning.")
    counts: TaskCounts
    queue: Spread = Field(description="From queued to claimed, of the last attempt.")
    execution: Spread = Field(description="From start to end of the last attempt.")
    total: Spread = Field(description="From accepted to ended.")
    settled: Bool = Field(description="false: the hour may still change.")


class TypeTotals(Message):
    """Part of `TaskMetrics`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TypeTotals"

    type: Id
    counts: TaskCounts


class TaskMetrics(Message):
    """The answer on `rpc.htm.metrics`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TaskMetrics"

    hours: tuple[TypeHour, ...] = Field(
        default=(), max_length=1000, description="The newest hour first."
    )
    totals: tuple[TypeTotals, ...] = Field(
        default=(),
        max_length=1000,
        description="Of these hours. Percentiles of hours cannot be added up.",
    )


class GetTaskMetrics(Message):
    """Figures of ended tasks by the hour in which they ended."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.GetTaskMetrics"
    SUBJECT: ClassVar[str] = "rpc.htm.metrics"
    REPLY: ClassVar[type[TaskMetrics]] = TaskMetrics

    tenant_id: Id
    since: Timestamp
    until: Timestamp
    type: Id | None = None


class SlaChange(Message):
    """Part of `TasksSlaChanged`."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.SlaChange"

    task_id: Id
    type: Id
    origin: Id
    sla_state: Id = Field(description="ok, at_risk or breached")
    previous: Id
    sla_deadline_at: Timestamp
    changed_at: Timestamp
    contract_id: Text | None = None
    mission_id: Text | None = None


class TasksSlaChanged(Message):
    """Tasks came close to their deadline, missed it, or ended in time after all."""

    SCHEMA: ClassVar[str] = "grace.htm.v1.TasksSlaChanged"
    SUBJECT: ClassVar[str] = "htm.task.sla"

    tasks: tuple[SlaChange, ...] = Field(default=(), max_length=256)
