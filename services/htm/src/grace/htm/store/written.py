"""Long messages written as text: to check every item of what was checked when it came in takes longer than all else."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from json.encoder import encode_basestring_ascii as quoted
from typing import Self

from pydantic import PrivateAttr

from grace.contracts.htm import JobsCompleted, JobsEnqueued, TasksFinished
from grace.contracts.message import Message
from grace.htm.domain.announcements import Moved
from grace.htm.domain.routing import NewTask

_MILLISECOND = timedelta(milliseconds=1)


class Written(Message):
    """A message whose JSON is there before it is."""

    _json: bytes = PrivateAttr(b"")

    @classmethod
    def of(cls, text: str) -> Self:
        """The message that this is the JSON of; whoever writes it answers for its form."""
        message = cls()
        message._json = text.encode()
        return message

    def to_bytes(self) -> bytes:
        """The JSON of it."""
        return self._json


class Enqueued(Written, JobsEnqueued):
    """Tasks that were accepted."""


class Completed(Written, JobsCompleted):
    """Tasks that succeeded."""


class Finished(Written, TasksFinished):
    """Tasks that came to rest."""


def enqueued(tasks: Sequence[NewTask]) -> Enqueued:
    """Tell of tasks that were accepted."""
    return Enqueued.of(_list("jobs", map(_job, tasks)))


def completed(tasks: Sequence[Moved]) -> Completed:
    """Tell of tasks that succeeded."""
    return Completed.of(_list("jobs", map(_job, tasks)))


def finished(tasks: Sequence[Moved]) -> Finished:
    """Tell of tasks that came to rest."""
    return Finished.of(_list("tasks", map(_finished, tasks)))


def _list(name: str, items: Iterable[str]) -> str:
    return f'{{"{name}":[{",".join(items)}]}}'


def _job(task: NewTask | Moved) -> str:
    return (
        f'{{"task_id":"{task.task_id}","type":{quoted(task.type)},"origin":{quoted(task.origin)}}}'
    )


def _finished(task: Moved) -> str:
    contract = f',"contract_id":{quoted(task.contract_id)}' if task.contract_id is not None else ""
    mission = f',"mission_id":{quoted(task.mission_id)}' if task.mission_id is not None else ""
    return (
        f'{{"task_id":"{task.task_id}","outcome":"{task.state.value}","type":{quoted(task.type)},'
        f'"attempts":{task.attempt_number}{contract}{mission},"origin":{quoted(task.origin)}{_took(task)}}}'
    )


def _took(task: Moved) -> str:
    if task.times is None:
        return ""
    took = task.times.finished_at - task.times.created_at
    return f',"total_ms":{max(0, took // _MILLISECOND)}'
