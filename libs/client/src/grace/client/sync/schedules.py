# Made from grace.client.aio by grace.client.twins: do not edit.
"""Schedules: tasks that HTM submits at the times of a cron expression."""

from collections.abc import Iterator, Mapping
from typing import Any

from grace.client.ask import delete, part, patch, read, read_nothing
from grace.client.models import Page
from grace.client.sync.connection import Connection
from grace.contracts.htm import Schedule

_PATH = "/api/htm/schedules"


class Schedules(Connection):
    """The methods about schedules."""

    def set_schedule(
        self,
        name: str,
        cron: str,
        task: Mapping[str, Any],
        *,
        time_zone: str = "UTC",
        catch_up: str = "skip",
        catch_up_most: int = 100,
        enabled: bool = True,
    ) -> Schedule:
        """Submit a task at every time of a cron expression. Again is the same answer.

        `task` has the fields of one of `submit_tasks`, without what only one task can have.
        """
        body = {
            "name": name,
            "cron": cron,
            "time_zone": time_zone,
            "catch_up": catch_up,
            "catch_up_most": catch_up_most,
            "enabled": enabled,
            "task": dict(task),
        }
        return self._post(_PATH, Schedule, body)

    def schedules(self, *, limit: int = 50, cursor: str | None = None) -> Page[Schedule]:
        """A page of schedules, by name."""
        return self._page(_PATH, Schedule, limit=limit, cursor=cursor)

    def each_schedule(self) -> Iterator[Schedule]:
        """Every schedule, by name."""
        return self._each(_PATH, Schedule)

    def schedule(self, name: str) -> Schedule:
        """One schedule: when it fires next, or why it does not."""
        return self._get(f"{_PATH}/{part(name)}", Schedule)

    def change_schedule(
        self,
        name: str,
        *,
        cron: str | None = None,
        time_zone: str | None = None,
        catch_up: str | None = None,
        catch_up_most: int | None = None,
        enabled: bool | None = None,
        task: Mapping[str, Any] | None = None,
    ) -> Schedule:
        """Change what is given. It goes on with the slot that comes next."""
        body = {
            "cron": cron,
            "time_zone": time_zone,
            "catch_up": catch_up,
            "catch_up_most": catch_up_most,
            "enabled": enabled,
            "task": dict(task) if task is not None else None,
        }
        return read(self._send(patch(f"{_PATH}/{part(name)}", body)), Schedule)

    def drop_schedule(self, name: str) -> None:
        """Submit nothing more of it; its tasks stay."""
        read_nothing(self._send(delete(f"{_PATH}/{part(name)}")))
