"""Messages that htm writes as text are what their models would have written."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from grace.contracts.htm import (
    FinishedTask,
    Job,
    JobsCompleted,
    JobsEnqueued,
    SubmittedTask,
    SubmittedTasks,
    TasksFinished,
)
from grace.htm.domain.announcements import Moved, Times
from grace.htm.domain.lifecycle import State
from grace.htm.domain.routing import Outcome
from grace.htm.handlers.submit import Taken, answer_of
from grace.htm.store.written import completed, finished

TEXTS = (
    None,
    "",
    "m-1",
    '","outcome":"succeeded',
    "\\",
    "\\u0022",
    "\n\x01\x7f\u2028",
    "ä \U0001f40e",
)
DUE = datetime(2026, 11, 20, 12, tzinfo=UTC)
TOOK = Times(DUE, None, None, None, DUE + timedelta(milliseconds=1500), None)
TASKS = [
    Moved(UUID(int=n + 1), n, "default", f"type-{n}", "intent:x", state, text, TEXTS[-n], took)
    for n, (state, text, took) in enumerate(
        zip([*State] * 2, TEXTS, [None, TOOK] * 8, strict=False)
    )
]


@pytest.mark.parametrize("tasks", [TASKS, TASKS[:1], []])
def test_the_ends_of_tasks_are_told_as_they_are(tasks: list[Moved]) -> None:
    told = tuple(
        FinishedTask(
            task_id=str(task.task_id),
            outcome=task.state,
            type=task.type,
            attempts=task.attempt_number,
            contract_id=task.contract_id,
            mission_id=task.mission_id,
            origin=task.origin,
            total_ms=None if task.times is None else 1_500,
        )
        for task in tasks
    )
    assert TasksFinished.from_bytes(finished(tasks).to_bytes()) == TasksFinished(tasks=told)
    jobs = tuple(Job(task_id=str(t.task_id), type=t.type, origin=t.origin) for t in tasks)
    done = completed(tasks).to_bytes()
    assert JobsCompleted.from_bytes(done) == JobsCompleted(jobs=jobs)
    assert JobsEnqueued.from_bytes(done).jobs == jobs


def test_submissions_are_answered_as_they_were_taken() -> None:
    taken = [Taken(f"a:{n}", outcome, UUID(int=n)) for n, outcome in enumerate(Outcome)]
    told = tuple(SubmittedTask(key=t.key, outcome=t.outcome, task_id=str(t.task_id)) for t in taken)
    assert SubmittedTasks.from_bytes(answer_of(taken).to_bytes()) == SubmittedTasks(tasks=told)
