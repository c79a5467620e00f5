"""People steer htm over REST: tasks, dead letters, queues."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from grace.contracts.htm import (
    ClaimTasks,
    SubmitTasks,
    TaskSpec,
    TaskSteered,
    TaskUpdate,
    TaskUpdateStatus,
)
from grace.kit import new_id
from grace.testkit import eventually

OpenGateway = Callable[..., Any]
TASKS, LETTERS, QUEUES = "/api/htm/tasks", "/api/htm/dead-letters", "/api/htm/queues"


async def submitted(front: Any, count: int = 1, **changes: object) -> list[str]:
    """Tasks that wait, by their ids."""
    verification = await front.house.act_as("verification")
    specs = [
        TaskSpec.model_validate({
            "key": str(new_id()), "type": "noop.observe", "kernel": "noop",
            "origin": "verification", "operation": "noop.wait", "step": "observe",
            "target": "nowhere", "params": "{}", "priority": 0, "timeout_ms": 1000,
            "max_attempts": 1, "sla_ms": 60_000, "tenant_id": "default", **changes,
        })
        for _ in range(count)
    ]  # fmt: skip
    answer = await verification.call(SubmitTasks(tasks=tuple(specs)))
    return [task.task_id for task in answer.tasks]


async def dead(front: Any, count: int, **changes: object) -> list[str]:
    """Dead letters, by their ids."""
    ids = await submitted(front, count, **changes)
    worker = await front.house.act_as("worker")
    for task in (
        await worker.call(ClaimTasks(worker_id="w1", kernels=("noop",), slots=count))
    ).tasks:
        await worker.report(
            TaskUpdate(
                task_id=task.task_id,
                status=TaskUpdateStatus.failed,
                worker_id="w1",
                attempt_number=1,
                at=datetime.now(UTC),
                error_message="no route",
            )
        )

    async def buried() -> bool:
        page = (await front.admin.get(LETTERS)).json()["data"]
        return {letter["task_id"] for letter in page} >= set(ids)

    await eventually(buried)
    return ids


async def test_a_task_is_cancelled_by_who_may_and_the_record_names_them(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        (task_id,) = await submitted(front)
        reader = await front.person("eve", "htm:read")
        refused = await reader.post(f"{TASKS}/{task_id}/cancel", json={})
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        ada = await front.person("ada", "htm:write", "htm:read")
        answer = await ada.post(f"{TASKS}/{task_id}/cancel", json={"reason": "not today"})
        assert answer.status_code == 200, answer.text
        cancelled = answer.json()["data"]
        assert (cancelled["status"], cancelled["cancel_requested_by"]) == ("cancelled", "ada")
        again = await ada.post(f"{TASKS}/{task_id}/cancel", json={})
        assert again.json()["data"] == cancelled
        assert (await ada.get(f"{TASKS}/{task_id}")).json()["data"] == cancelled
        (message,) = await eventually(lambda: front.house.messages(TaskSteered.SUBJECT))
        record = TaskSteered.from_bytes(message.data)
        assert (record.actor, record.act, record.reason) == ("ada", "cancel", "not today")


async def test_what_does_not_fit_the_task_is_a_conflict_that_says_why(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        (task_id,) = await submitted(front)
        for act in ("release", "retry"):
            answer = await front.admin.post(f"{TASKS}/{task_id}/{act}", json={})
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
            assert "queued" in answer.json()["detail"]
        (bound,) = await dead(front, 1, contract_id="contract-1", kernel="noop", priority=5)
        answer = await front.admin.post(f"{TASKS}/{bound}/retry", json={})
        assert (answer.status_code, "contract-1" in answer.json()["detail"]) == (409, True)


async def test_a_task_that_needs_attention_is_released(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        (task_id,) = await submitted(front)
        worker = await front.house.act_as("worker")
        await worker.call(ClaimTasks(worker_id="w1", kernels=("noop",), slots=1))
        parked = "UPDATE htm_tasks SET status = 'needs_attention', lease_until = NULL RETURNING id"
        await front.house.rows("htm", parked)
        released = await front.admin.post(f"{TASKS}/{task_id}/release", json={})
        assert (released.status_code, released.json()["data"]["status"]) == (200, "queued")


async def test_dead_letters_are_paged_and_replayed_once(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ids = sorted(await dead(front, 3), reverse=True)
        page = (await front.admin.get(f"{LETTERS}?limit=2")).json()
        cursor = page["meta"]["next_cursor"]
        rest = (await front.admin.get(LETTERS, params={"limit": 2, "cursor": cursor})).json()
        found = [letter["task_id"] for letter in page["data"] + rest["data"]]
        assert found == ids
        assert rest["meta"]["next_cursor"] is None
        replay = await front.admin.post(f"{LETTERS}/{ids[0]}/replay", json={})
        new = replay.json()["data"]
        assert (new["replay_of"], new["status"], new["attempts"]) == (ids[0], "queued", [])
        retry = await front.admin.post(f"{TASKS}/{ids[0]}/retry", json={"reason": "again"})
        assert retry.json()["data"]["task_id"] == new["task_id"]
        letter = (await front.admin.get(f"{LETTERS}?limit=1")).json()["data"][0]
        assert letter["replayed_as"] == new["task_id"]
        foreign = await front.admin.get(QUEUES, params={"cursor": cursor})
        assert foreign.status_code == 400


async def test_a_kernel_is_paused_and_resumed(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        await submitted(front)
        await submitted(front, kernel="http")
        paused = (await front.admin.post(f"{QUEUES}/noop/pause", json={})).json()["data"]
        assert (paused["queued"], paused["held"], paused["paused_by"]) == (1, 0, "admin")
        page = (await front.admin.get(f"{QUEUES}?limit=1")).json()
        assert [queue["kernel"] for queue in page["data"]] == ["http"]
        cursor = page["meta"]["next_cursor"]
        rest = (await front.admin.get(QUEUES, params={"cursor": cursor})).json()["data"]
        assert rest == [paused]
        worker = await front.house.act_as("worker")
        claim = ClaimTasks(worker_id="w1", kernels=("noop",), slots=1)
        assert (await worker.call(claim)).tasks == ()
        resumed = (await front.admin.post(f"{QUEUES}/noop/resume", json={})).json()["data"]
        assert resumed["paused_at"] is None
        assert len((await worker.call(claim)).tasks) == 1


SENSELESS: list[tuple[str, object, int]] = [
    (f"{QUEUES}/a.b/pause", {}, 422),
    (f"{QUEUES}/{'x' * 129}/pause", {}, 422),
    (f"{QUEUES}/noop/pause", {"reason": "x" * 1001}, 422),
    (f"{QUEUES}/noop/pause", {"reason": 1}, 422),
    (f"{QUEUES}/noop/pause", {"force": True}, 422),
    (f"{QUEUES}/noop/pause", [], 422),
    (f"{TASKS}/no-uuid/cancel", {}, 404),
    (f"{TASKS}/a b/cancel", {}, 422),
    (f"{LETTERS}/0199a7b2-0000-7000-8000-000000000000/replay", {}, 404),
]


async def test_what_makes_no_sense_is_refused_and_changes_nothing(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        for path, body, status in SENSELESS:
            answer = await front.admin.post(path, json=body)
            assert answer.status_code == status, (path, body, answer.text)
        assert await front.house.rows("htm", "SELECT 1 FROM htm_queues") == []
