# Made from grace.client.aio by grace.client.twins: do not edit.
"""The whole: who answers, what HTM runs, and what was learned."""

from collections.abc import Sequence

from grace.client.ask import part, question, read
from grace.client.models import About, ChatAnswer, Health
from grace.client.sync.connection import Connection
from grace.contracts.htm import Task
from grace.contracts.learning import Summary


class System(Connection):
    """The methods about the whole."""

    def health(self) -> Health:
        """Which services answer."""
        return self._get("/api/health", Health)

    def task(self, task_id: str) -> Task:
        """One task with its attempts."""
        return self._get(f"/api/htm/tasks/{part(task_id)}", Task)

    def learning_summary(self) -> Summary:
        """The record of every playbook."""
        return self._get("/api/learning/summary", Summary)

    def chat(self, message: str, about: Sequence[About] = ()) -> ChatAnswer:
        """Ask in plain words; nothing is done. `about` is that of the answer before, for `why?`."""
        body = {"message": message, "about": [each.model_dump() for each in about]}
        return read(self._send(question("/api/chat", body)), ChatAnswer)
