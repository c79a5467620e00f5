"""Runs one attempt of one task from beginning to report."""

from datetime import UTC, datetime
from functools import partial
from traceback import format_tb

from grace.contracts.htm import ClaimedTask, TaskUpdate, TaskUpdateStatus
from grace.kit import GraceError, Runtime
from grace.kit.blobs import BlobRef, BlobTooLarge
from grace.resilience.retry import ErrorClass
from grace.worker.domain.capability import Step
from grace.worker.domain.failure import (
    Failure,
    UnconsentedError,
    UnusableError,
    WithdrawnError,
    failure_of,
    unsettled,
)
from grace.worker.domain.state import State, text_of
from grace.worker.kernels.consents import tell_refused
from grace.worker.kernels.secrets import Veil
from grace.worker.loops.effect import Effect
from grace.worker.loops.job import Job, errand_of, job_of
from grace.worker.loops.tools import Lease, Tools

_LONGEST_RESULT = 262_144  # bytes


async def run_attempt(
    runtime: Runtime, tools: Tools, task: ClaimedTask, lease: Lease
) -> TaskUpdate:
    """Do what the task asks and return what to report; only cancellation passes through."""
    veil = Veil()
    try:
        runtime.crash_point(f"{task.spec.step}.claimed")
        text = text_of(await _result(runtime, tools, task, lease, veil))
        update = await _completed(tools, task, text, lease)
        runtime.log.info("task.completed", task_id=task.task_id, attempt=task.attempt_number)
    except Exception as error:  # noqa: BLE001 - the edge: whatever happened, htm is told
        update = _failed(runtime, tools, task, error, veil, begun=lease.begun)
    runtime.crash_point(f"{task.spec.step}.before_report")
    return update


def started(tools: Tools, task: ClaimedTask) -> TaskUpdate:
    """Return the report that an attempt has begun."""
    return _update(tools, task, TaskUpdateStatus.started)


def withdrawn(runtime: Runtime, tools: Tools, task: ClaimedTask) -> TaskUpdate:
    """Return the report of an attempt that was broken off while it only looked."""
    return _failed(runtime, tools, task, WithdrawnError(), Veil())


async def _result(
    runtime: Runtime, tools: Tools, task: ClaimedTask, lease: Lease, veil: Veil
) -> State:
    job = job_of(tools, task, lease, runtime.keys.safe, veil)
    try:
        if job.step is Step.OBSERVE:
            return job.ctx.conceal(await _observe(runtime, tools, job))
        errand = await errand_of(runtime, job, task.spec)
        return await Effect(runtime, tools, errand).run()
    except UnconsentedError as error:
        if error.use is not None:
            reason = str(error).removeprefix("blocked: ")
            await tell_refused(runtime, error.use, reason, spec=task.spec, task_id=task.task_id)
        raise


async def _observe(runtime: Runtime, tools: Tools, job: Job) -> State:
    job.lease.check_wanted()
    job.lease.only_looks = True
    ctx = await tools.consents.opened(runtime, job.ctx, job.uses, job.door, untouched=True)
    return await tools.guard.read(
        runtime,
        job.at,
        partial(job.operation.observe, ctx, job.params),
        timeout=job.timeout,
    )


async def _completed(tools: Tools, task: ClaimedTask, text: str, lease: Lease) -> TaskUpdate:
    """Return the report of a success; a result that is too long for it goes by reference.

    Only of what was looked at: what an effect left is judged by the bytes of its report.
    """
    size = len(text.encode())
    if size <= _LONGEST_RESULT:
        return _update(tools, task, TaskUpdateStatus.completed, result_json=text)
    if task.spec.step != Step.OBSERVE:
        lease.begun = task.spec.step == Step.APPLY
        raise UnusableError(f"the result has {size} bytes, too many to be sent")
    try:
        stored = await tools.results.put(text.encode())
    except BlobTooLarge as error:
        raise UnusableError(f"the result is too long: {error.detail}") from error
    return _update(tools, task, TaskUpdateStatus.completed, stored=stored)


def _failed(
    runtime: Runtime,
    tools: Tools,
    task: ClaimedTask,
    error: Exception,
    veil: Veil,
    *,
    begun: bool = False,
) -> TaskUpdate:
    failure = failure_of(error, veil.text)
    if isinstance(error, GraceError):
        # Another service could not be asked, most likely identity for a key.
        failure = Failure(ErrorClass.TRANSIENT, f"{error.kind}: {error.detail}")
    if begun:
        failure = unsettled(failure)
    runtime.log.warning(
        "task.failed",
        task_id=task.task_id,
        attempt=task.attempt_number,
        operation=task.spec.operation,
        error_class=failure.error_class,
        error=failure.message,
        # Of what knew a secret only the lines of code: each cause has a text of its own.
        exc_info=error if failure.error_class is ErrorClass.SYSTEM and not veil else None,
        at="".join(format_tb(error.__traceback__)) if veil else None,
    )
    late = failure.error_class is ErrorClass.TIMEOUT
    return _update(
        tools,
        task,
        TaskUpdateStatus.timeout if late else TaskUpdateStatus.failed,
        error_class=failure.error_class.value,
        error_message=failure.message,
    )


def _update(
    tools: Tools,
    task: ClaimedTask,
    status: TaskUpdateStatus,
    *,
    result_json: str | None = None,
    stored: BlobRef | None = None,
    error_class: str | None = None,
    error_message: str | None = None,
) -> TaskUpdate:
    return TaskUpdate(
        task_id=task.task_id,
        status=status,
        worker_id=tools.worker_id,
        attempt_number=task.attempt_number,
        at=datetime.now(UTC),
        result_json=result_json,
        result_sha256=stored.sha256 if stored is not None else None,
        result_size_bytes=stored.size if stored is not None else None,
        error_class=error_class,
        error_message=error_message,
    )
