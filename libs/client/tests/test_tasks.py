"""HTM is looked at over the client and the command line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.client import Grace

from .test_cli import grace, told
from .test_steering import submitted

OpenGrace = Callable[..., Any]


async def test_the_client_lists_and_explains(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        admin: Grace = place.admin
        first, second = await submitted(place), await submitted(place, kernel="http")
        page = await admin.tasks(limit=1)
        assert [task.task_id for task in page.items] == [second]
        rest = await admin.tasks(limit=1, cursor=page.next_cursor)
        assert [task.task_id for task in rest.items] == [first]
        assert [task.task_id async for task in admin.each_task(status="queued")] == [second, first]
        assert [task.task_id for task in (await admin.tasks(kernel="http")).items] == [second]
        assert (await admin.tasks(type="other")).items == ()
        reason = await admin.why(first)
        assert [block.kind for block in reason.blocks] == ["no_worker"]
        since = datetime.now(UTC) - timedelta(hours=1)
        assert (await admin.task_metrics(since=since, type="noop.observe")).hours == ()


async def test_the_command_line_lists_and_explains(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        task_id = await submitted(place)
        listed = await grace(place, "tasks", "list", "--status", "queued", "-o", "json")
        assert (listed.exit_code, task_id in listed.stdout) == (0, True)
        none = await grace(place, "tasks", "list", "--kernel", "http", "-o", "json")
        assert task_id not in json.dumps(json.loads(none.stdout))
        assert "no worker" in (await told(place, "tasks", "why", task_id))["sentence"]
