"""The whole: who answers, what HTM runs, and what was learned."""

from grace.client.aio.connection import Connection
from grace.client.ask import part
from grace.client.models import Health
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
