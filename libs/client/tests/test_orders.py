"""Tasks are handed in over the client and the command line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grace.client import Grace

from .test_cli import grace

OpenGrace = Callable[..., Any]
WANTED = {"type": "noop.observe", "kernel": "noop", "operation": "noop.wait", "target": "nowhere"}
OPTIONS = [word for name, value in WANTED.items() for word in (f"--{name}", value)]


async def test_tasks_are_handed_in_and_named_where_nobody_named_them(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        admin: Grace = place.admin
        mine, other = await admin.submit_tasks([WANTED | {"key": "mine", "priority": 3}, WANTED])
        assert (mine.key, mine.outcome, other.outcome) == ("mine", "created", "created")
        (again,) = await admin.submit_tasks([WANTED | {"key": "mine", "priority": 3}])
        assert (again.outcome, again.task_id) == ("existing", mine.task_id)
        page = await admin.tasks()
        assert [task.priority for task in page.items] == [0, 3]


async def test_a_task_is_handed_in_on_the_command_line(
    open_grace: OpenGrace, tmp_path: Path
) -> None:
    async with open_grace("htm") as place:
        options = ("--run-at", "2199-01-01T00:00:00Z", "--priority", "9", "--requires", "gpu")
        made = await grace(place, "tasks", "submit", *OPTIONS, *options, "-o", "json")
        assert made.exit_code == 0, made.stderr
        task_id = json.loads(made.stdout)["task_id"]
        (task,) = (await place.admin.tasks(status="scheduled")).items
        assert (task.task_id, task.priority, task.run_at.year) == (task_id, 9, 2199)
        file = tmp_path / "task.yaml"
        file.write_text("kernel: http\nrun_at: 2199-01-01T00:00:00Z\n")
        made = await grace(place, "tasks", "submit", *OPTIONS[:2], *OPTIONS[4:], "-f", str(file))
        assert made.exit_code == 0, made.stderr
        assert len((await place.admin.tasks(status="scheduled", kernel="http")).items) == 1
        unique = ("--unique-key", "nightly", "--unique-policy", "join", "-o", "json")
        ends = [await grace(place, "tasks", "submit", *OPTIONS, *unique) for _ in range(2)]
        assert [json.loads(end.stdout)["outcome"] for end in ends] == ["created", "joined"]
        missing = await grace(place, "tasks", "submit", *OPTIONS[2:])
        assert "give --type" in missing.stderr
