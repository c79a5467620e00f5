"""Orders: tasks that are handed to HTM."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from grace.client.aio.connection import Connection
from grace.client.models import AcceptedTask


class Orders(Connection):
    """The methods that hand tasks in."""

    async def submit_tasks(
        self, tasks: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> tuple[AcceptedTask, ...]:
        """Hand tasks in, accepted or refused together; each tells what became of it.

        The fields are those of POST /api/htm/tasks. A task's own `key` makes it one task however
        often it is handed in; who gives none gets a new one, or with `key` the same one again.
        """
        named = [{"key": _key_of(key, place), **task} for place, task in enumerate(tasks)]
        return await self._post(
            "/api/htm/tasks", tuple[AcceptedTask, ...], {"tasks": named}, key=key
        )


def _key_of(key: str | None, place: int) -> str:
    return f"task-{uuid4() if key is None else uuid5(NAMESPACE_URL, f'{key}/{place}')}"
