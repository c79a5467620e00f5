"""HTM is steered over the client and the command line."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from grace.client import Conflict, Grace, NotFound, hash_shown
from grace.contracts.htm import (
    ClaimTasks,
    SubmitTasks,
    TaskSpec,
    TaskUpdate,
    TaskUpdateStatus,
)
from grace.testkit import eventually

from .test_cli import grace, told

OpenGrace = Callable[..., Any]


async def submitted(place: Any, kernel: str = "noop") -> str:
    """A task that waits."""
    verification = await place.house.act_as("verification")
    spec = TaskSpec.model_validate({
        "key": f"key-{kernel}", "type": "noop.observe", "kernel": kernel, "origin": "verification",
        "operation": "noop.wait", "step": "observe", "target": "nowhere", "params": "{}",
        "priority": 0, "timeout_ms": 1000, "max_attempts": 1, "sla_ms": 60_000,
        "tenant_id": "default",
    })  # fmt: skip
    task_id: str = (await verification.call(SubmitTasks(tasks=(spec,)))).tasks[0].task_id
    return task_id


async def bury(place: Any) -> None:
    """As if the worker had failed with every task for good."""
    await place.house.rows(
        "htm",
        "UPDATE htm_tasks SET status = 'assigned', attempt_number = 1, worker_component = 'worker',"
        " worker_id = 'w1', worker_key_id = 'k', lease_until = now(), assigned_at = queued_at"
        " WHERE status = 'queued' RETURNING id",
    )
    await place.house.rows(
        "htm",
        "UPDATE htm_tasks SET status = 'dead_letter', lease_until = NULL, started_at = assigned_at,"
        " finished_at = now() WHERE status = 'assigned' RETURNING id",
    )


async def test_the_client_steers(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        admin: Grace = place.admin
        buried = await submitted(place)
        await bury(place)
        assert [letter.task_id for letter in (await admin.dead_letters()).items] == [buried]
        again = await admin.retry_task(buried, reason="the disk has room")
        assert (again.replay_of, again.status) == (buried, "queued")
        assert [each.replayed_as async for each in admin.each_dead_letter()] == [again.task_id]
        assert (await admin.pause_queue("noop")).paused_by == "admin"
        (queue,) = (await admin.queues()).items
        assert (queue.kernel, queue.queued, queue.paused_by) == ("noop", 1, "admin")
        assert (await admin.resume_queue("noop")).paused_at is None
        assert (await admin.cancel_task(again.task_id)).status == "cancelled"
        with pytest.raises(Conflict, match="cancelled"):
            await admin.release_task(again.task_id)
        with pytest.raises(NotFound):
            await admin.cancel_task("no-uuid")


async def test_the_command_line_steers(open_grace: OpenGrace) -> None:
    async with open_grace("htm") as place:
        buried = await submitted(place)
        await bury(place)
        listed = await grace(place, "dead-letters", "list")
        assert (listed.exit_code, buried in listed.stdout) == (0, True)
        again = await told(place, "dead-letters", "replay", buried, "--reason", "once more")
        assert again["replay_of"] == buried
        assert (await told(place, "tasks", "retry", buried))["task_id"] == again["task_id"]
        paused = await grace(place, "queues", "pause", "noop")
        assert (paused.exit_code, "no worker has ever asked" in paused.stderr) == (0, True)
        await place.house.rows("htm", "INSERT INTO htm_kernels VALUES ('noop', now()) RETURNING 1")
        assert (await grace(place, "queues", "pause", "noop")).stderr == ""
        queues = json.loads((await grace(place, "queues", "list", "-o", "json")).stdout)
        assert "noop" in json.dumps(queues)
        assert (await told(place, "queues", "resume", "noop"))["queued"] == 1
        assert (await told(place, "tasks", "cancel", again["task_id"]))["status"] == "cancelled"
        refused = await grace(place, "tasks", "release", again["task_id"])
        assert (refused.exit_code, "cancelled" in refused.stderr) == (5, True)


async def acting(place: Any) -> tuple[str, str]:
    """A mission whose plan was approved, and the task that is to act for it."""
    approval = await place.ask_for_approval()
    made = await place.admin.make_key("ada", ["approvals:read", "approvals:decide"])
    async with Grace(place.url, made.token) as ada:
        await ada.approve(approval.approval_id, hash_shown(approval))

    async def submitted() -> str | None:
        rows = await place.house.rows("htm", "SELECT id FROM htm_tasks WHERE status = 'queued'")
        return str(rows[0]["id"]) if rows else None

    return approval.mission_id, await eventually(submitted, timeout=15)


async def fail_once(place: Any) -> None:
    """A worker fails with what waits, in a way that may have changed something."""
    worker = await place.house.act_as("worker")
    claim = ClaimTasks(worker_id="w1", kernels=("postgres",), slots=1)
    (task,) = (await worker.call(claim)).tasks
    await worker.report(
        TaskUpdate(
            task_id=task.task_id,
            status=TaskUpdateStatus.failed,
            worker_id="w1",
            attempt_number=task.attempt_number,
            at=datetime.now(UTC),
            error_class="transient",
            error_message="the connection broke",
        )
    )


@pytest.mark.parametrize(("tried", "verdict"), [(False, "cancelled"), (True, "failed")])
async def test_a_cancelled_action_closes_its_mission_by_what_is_known_of_it(
    open_grace: OpenGrace, tried: bool, verdict: str
) -> None:
    async with open_grace("governance", "verification", "htm") as place:
        mission_id, task_id = await acting(place)
        if tried:
            await fail_once(place)

            async def has_failed() -> bool:
                return bool((await place.admin.task(task_id)).attempts[0].outcome == "failed")

            await eventually(has_failed)
        await place.admin.cancel_task(task_id)
        mission = await place.admin.wait_for_mission(mission_id, timeout=20)
        assert mission.status == verdict
        with pytest.raises(Conflict):
            await place.admin.retry_task(task_id)
