"""The whole: who answers, what HTM runs, and what was learned."""

from collections.abc import Sequence

from grace.client.aio.connection import Connection
from grace.client.ask import part, question, read
from grace.client.models import About, ChatAnswer, Health
from grace.contracts.htm import Task
from grace.contracts.learning import Summary


class System(Connection):
    """The methods about the whole."""

    async def health(self) -> Health:
        """Which services answer."""
        return await self._get("/api/health", Health)

    async def task(self, task_id: str) -> Task:
        """One task with its attempts."""
        return await self._get(f"/api/htm/tasks/{part(task_id)}", Task)

    async def learning_summary(self) -> Summary:
        """The record of every playbook."""
        return await self._get("/api/learning/summary", Summary)

    async def chat(self, message: str, about: Sequence[About] = ()) -> ChatAnswer:
        """Ask in plain words; nothing is done. `about` is that of the answer before, for `why?`."""
        body = {"message": message, "about": [each.model_dump() for each in about]}
        return read(await self._send(question("/api/chat", body)), ChatAnswer)
