"""HTM is looked at over the client and the command line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.client import Grace
from grace.contracts.htm import ClaimTasks, TaskUpdate, TaskUpdateStatus
from grace.testkit import eventually

from .test_cli import grace, told
from .test_orders import WANTED
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


async def test_children_and_results_are_read(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        admin: Grace = place.admin
        parent, child = await admin.submit_tasks(
            [WANTED | {"key": "p"}, WANTED | {"key": "c", "parent_key": "p"}]
        )
        (shown,) = (await admin.tasks(parent_id=parent.task_id)).items
        assert (shown.task_id, shown.parent_id) == (child.task_id, parent.task_id)
        listed = await grace(place, "tasks", "list", "--parent", parent.task_id, "-o", "json")
        assert child.task_id in listed.stdout
        worker = await place.house.act_as("worker")
        await worker.call(ClaimTasks(worker_id="w", kernels=("noop",), slots=2))
        await worker.report(
            TaskUpdate(
                task_id=child.task_id,
                status=TaskUpdateStatus.completed,
                worker_id="w",
                attempt_number=1,
                at=datetime.now(UTC),
                result_json='{"n": 1}',
            )
        )

        async def done() -> bool:
            return (await admin.task(child.task_id)).status == "succeeded"

        await eventually(done)
        assert await admin.task_result(child.task_id) == b'{"n": 1}'
        told_by_command = await grace(place, "tasks", "result", child.task_id)
        assert told_by_command.stdout == '{"n": 1}\n'
        none = await grace(place, "tasks", "result", parent.task_id)
        assert (none.exit_code, "no result" in none.stderr) == (3, True)
