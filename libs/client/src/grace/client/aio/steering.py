"""Steering HTM: tasks cancelled, released and done once more, dead letters, paused kernels."""

from collections.abc import AsyncIterator

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Page
from grace.contracts.htm import DeadLetter, Queue, Task

_TASKS = "/api/htm/tasks"
_LETTERS = "/api/htm/dead-letters"
_QUEUES = "/api/htm/queues"


class Steering(Connection):
    """The methods that steer HTM. Each of them twice is the same answer."""

    async def cancel_task(self, task_id: str, *, reason: str | None = None) -> Task:
        """Cancel a task at once, or tell the worker that holds it. Conflict where it had ended."""
        return await self._post(f"{_TASKS}/{part(task_id)}/cancel", Task, {"reason": reason})

    async def release_task(self, task_id: str, *, reason: str | None = None) -> Task:
        """Queue a task that needs attention again. Conflict for any other."""
        return await self._post(f"{_TASKS}/{part(task_id)}/release", Task, {"reason": reason})

    async def retry_task(self, task_id: str, *, reason: str | None = None) -> Task:
        """The new task that does a failed one, or a dead letter, once more."""
        return await self._post(f"{_TASKS}/{part(task_id)}/retry", Task, {"reason": reason})

    async def dead_letters(self, *, limit: int = 50, cursor: str | None = None) -> Page[DeadLetter]:
        """A page of the tasks that used up their attempts, newest first."""
        return await self._page(_LETTERS, DeadLetter, limit=limit, cursor=cursor)

    def each_dead_letter(self) -> AsyncIterator[DeadLetter]:
        """Every task that used up its attempts, newest first."""
        return self._each(_LETTERS, DeadLetter)

    async def queues(self, *, limit: int = 50, cursor: str | None = None) -> Page[Queue]:
        """A page of the kernels that have tasks, or are paused."""
        return await self._page(_QUEUES, Queue, limit=limit, cursor=cursor)

    async def pause_queue(self, kernel: str, *, reason: str | None = None) -> Queue:
        """Hand out no more tasks of a kernel; what runs ends."""
        return await self._post(f"{_QUEUES}/{part(kernel)}/pause", Queue, {"reason": reason})

    async def resume_queue(self, kernel: str, *, reason: str | None = None) -> Queue:
        """Hand out the tasks of a kernel again."""
        return await self._post(f"{_QUEUES}/{part(kernel)}/resume", Queue, {"reason": reason})
