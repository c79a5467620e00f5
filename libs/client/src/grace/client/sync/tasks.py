# Made from grace.client.aio by grace.client.twins: do not edit.
"""Tasks of HTM: listed, explained, and what hours came to."""

from collections.abc import Iterator
from datetime import datetime

from grace.client.ask import get, part
from grace.client.models import Page
from grace.client.sync.connection import Connection
from grace.contracts.htm import ListedTask, TaskMetrics, TaskReason

_TASKS = "/api/htm/tasks"


class Tasks(Connection):
    """The methods that look at HTM."""

    def tasks(
        self,
        *,
        status: str | None = None,
        kernel: str | None = None,
        type: str | None = None,  # noqa: A002 - the word of the API
        mission_id: str | None = None,
        parent_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[ListedTask]:
        """A page of tasks, newest first; with filters it may be short and still have a next."""
        return self._page(
            _TASKS, ListedTask,
            status=status, kernel=kernel, type=type, mission_id=mission_id,
            parent_id=parent_id, limit=limit, cursor=cursor,
        )  # fmt: skip

    def each_task(self, *, status: str | None = None) -> Iterator[ListedTask]:
        """Every task, newest first."""
        return self._each(_TASKS, ListedTask, status=status)

    def why(self, task_id: str) -> TaskReason:
        """Why a task stands where it stands."""
        return self._get(f"{_TASKS}/{part(task_id)}/why", TaskReason)

    def task_result(self, task_id: str) -> bytes:
        """The result of a task, the JSON as its worker wrote it, however large it is."""
        return (self._send(get(f"{_TASKS}/{part(task_id)}/result"))).content

    def task_metrics(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        type: str | None = None,  # noqa: A002 - the word of the API
    ) -> TaskMetrics:
        """What the tasks came to that ended in these hours; the last day where nothing is said."""
        return self._get(
            "/api/htm/metrics", TaskMetrics,
            since=since.isoformat() if since else None,
            until=until.isoformat() if until else None,
            type=type,
        )  # fmt: skip
