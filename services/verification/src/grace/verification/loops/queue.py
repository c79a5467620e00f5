"""Asking htm: what became of tasks, and will it take one. Never inside a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from grace.contracts.htm import GetTasks, SubmitTasks, SubmittedTask, TaskSpec
from grace.kit import GraceError, Kind, Runtime, TooLarge
from grace.verification.domain.patience import first_patience
from grace.verification.domain.task import Report
from grace.verification.settings import Settings
from grace.verification.store.shapes import report_of

# Errors that the same task will meet again, however often it is submitted.
_FOR_GOOD = frozenset({Kind.INVALID, Kind.TOO_LARGE, Kind.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class Taken:
    """htm has the task; `fresh` when it had not before."""

    task_id: str
    fresh: bool

    def pause(self, settings: Settings) -> timedelta:
        """How long to wait for word of its end.

        A task that was there before may have ended before anybody listened.
        """
        shortest = settings.poll_interval
        return first_patience(shortest) if self.fresh else shortest / 10


@dataclass(frozen=True, slots=True)
class Declined:
    """htm does not take the task. `may_exist`: its key belongs to another one."""

    why: str
    may_exist: bool


Answer: TypeAlias = Taken | Declined


async def reports_of(runtime: Runtime, task_ids: Sequence[str]) -> Mapping[str, Report]:
    """Return what htm says about tasks; those it does not know are absent. Raises GraceError."""
    if not task_ids:
        return {}
    try:
        answer = await runtime.call(GetTasks(task_ids=tuple(task_ids)))
    except TooLarge:
        if len(task_ids) == 1:
            raise
        half = len(task_ids) // 2
        first = await reports_of(runtime, task_ids[:half])
        return {**first, **await reports_of(runtime, task_ids[half:])}
    return {task.task_id: report_of(task) for task in answer.tasks}


async def submit_all(
    runtime: Runtime, specs: Sequence[bytes], *, correlation_id: str = ""
) -> list[Answer]:
    """Hand stored tasks to htm; its answers in their order. Raises GraceError where another try may help.

    htm takes a request as a whole, so that one that it refuses is asked again task by task.
    """
    request = SubmitTasks(tasks=tuple(TaskSpec.from_bytes(spec) for spec in specs))
    try:
        answer = await runtime.call(request, correlation_id=correlation_id)
    except GraceError as error:
        if error.kind not in _FOR_GOOD:
            raise
        if len(specs) == 1:
            return [Declined(f"htm refuses the task: {error.detail}", may_exist=False)]
        return [(await submit_all(runtime, [spec]))[0] for spec in specs]
    return [_answer(task) for task in answer.tasks]


def _answer(task: SubmittedTask) -> Answer:
    if task.outcome == "conflict":
        return Declined(f"{task.key} is the key of another task", may_exist=True)
    return Taken(task.task_id, fresh=task.outcome == "created")
