"""Tasks over HTTP: handed in, listed, explained, counted."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grace.contracts.htm import ClaimTasks, ReportTasks, TaskUpdate, TaskUpdateStatus
from grace.htm.loops import RollUp
from grace.htm.settings import Settings
from grace.kit.blobs import BlobSettings, open_blobs
from grace.testkit import eventually
from grace.testkit.canary import everything

OpenGateway = Callable[..., Any]
TASKS = "/api/htm/tasks"
TASK: dict[str, Any] = {
    "key": "look-1",
    "type": "noop.observe",
    "kernel": "noop",
    "operation": "noop.wait",
    "target": "nowhere",
}
CAPABILITY = {"key_id": "key-1", "body": "e30=", "signature": "AAAA"}


async def data(client: Any, path: str) -> Any:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def submit(client: Any, *tasks: dict[str, Any], status: int = 202) -> Any:
    answer = await client.post(TASKS, json={"tasks": tasks})
    assert answer.status_code == status, answer.text
    return answer.json()["data"] if status == 202 else answer.json()


async def test_tasks_are_taken_once_and_charged_to_the_caller(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("verification", "htm:write", "htm:read")
        other = TASK | {"key": "look-2", "params": {"b": 1, "a": "\u00e4"}}
        taken = await submit(ada, TASK, other)
        assert [(each["key"], each["outcome"]) for each in taken] == [
            ("look-1", "created"),
            ("look-2", "created"),
        ]
        again = await submit(ada, TASK, other | {"priority": 5})
        assert [each["outcome"] for each in again] == ["existing", "conflict"]
        assert [each["task_id"] for each in again] == [each["task_id"] for each in taken]
        refused = await submit(ada, other | {"priority": 5}, status=409)
        assert refused["code"] == "conflict"
        rows = await front.house.rows("htm", "SELECT origin, tenant_id FROM htm_tasks")
        assert [tuple(row) for row in rows] == [("api:verification", "default")] * 2
        read = await data(ada, f"{TASKS}/{taken[1]['task_id']}")
        assert (read["status"], read["data_size_bytes"]) == (
            "queued",
            len('{"a":"\u00e4","b":1}') + 1,
        )


async def test_what_a_caller_asks_for_reaches_the_worker(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        wanted: dict[str, Any] = {
            "priority": 7,
            "limit_key": "shop",
            "requires": ["gpu"],
            "affinity": "w1",
        }
        later = TASK | {"key": "later", "run_at": "2199-12-31T23:59:59+01:00"}
        now, then = await submit(ada, TASK | wanted, later)
        (listed,) = await data(ada, f"{TASKS}?status=scheduled")
        assert (listed["task_id"], listed["run_at"]) == (
            then["task_id"],
            "2199-12-31T22:59:59.000000Z",
        )
        worker = await front.house.act_as("worker")
        asked = ClaimTasks(worker_id="w1", kernels=("noop",), slots=5, capabilities=("gpu",))
        (claimed,) = (await worker.call(asked)).tasks
        given = claimed.spec.model_dump(mode="json", include=set(wanted))
        assert (claimed.task_id, given) == (now["task_id"], wanted)


async def test_a_unique_key_is_told_of_and_409_where_nothing_was_accepted(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        unique = TASK | {"unique_key": "nightly"}
        (first,) = await submit(ada, unique)
        second = unique | {"key": "second"}
        taken = await submit(ada, second, second | {"key": "third", "unique_policy": "join"})
        assert [each["outcome"] for each in taken] == ["refused", "joined"]
        assert {each["task_id"] for each in taken} == {first["task_id"]}
        refused = await submit(ada, second, status=409)
        assert (refused["code"], "unique keys" in refused["detail"]) == ("conflict", True)
        (other,) = await submit(ada, second | {"unique_policy": "replace"})
        read = await data(ada, f"{TASKS}/{first['task_id']}")
        assert (read["status"], read["cancel_requested_by"]) == (
            "cancelled",
            f"task:{other['task_id']}",
        )
        await submit(ada, TASK | {"key": "vain", "unique_policy": "join"}, status=422)


async def test_who_submits_at_once_gets_an_answer_of_its_own(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm", admin_rate_limit=0) as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        large = TASK | {"key": "large", "before": "\u00e4" * 200_000, "after": "\u00e4" * 200_000}
        good = [[TASK | {"key": f"{n}-{m}"} for m in range(n)] for n in range(1, 7)]
        many = [submit(front.admin, TASK | {"key": f"many-{n}"}) for n in range(60)]
        *taken, refused, alone = await asyncio.gather(
            *(submit(ada if len(tasks) % 2 else front.admin, *tasks) for tasks in good),
            submit(ada, large, status=422),
            asyncio.gather(*many),
        )
        assert [task["key"] for (task,) in alone] == [f"many-{n}" for n in range(60)]
        assert [[each["key"] for each in answer] for answer in taken] == [
            [task["key"] for task in tasks] for tasks in good
        ]
        assert "a task has at most" in refused["detail"]
        rows = await front.house.rows("htm", "SELECT id FROM htm_tasks")
        assert {str(row["id"]) for row in rows} == {
            each["task_id"] for answer in (*taken, *alone) for each in answer
        }


async def test_nothing_is_stored_of_what_is_refused(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm", admin_rate_limit=0) as front:
        wrong: dict[str, dict[str, Any]] = {
            "body.tasks.1.key": {"key": "x" * 121},
            "body.tasks.1.kernel": {"kernel": "two.words"},
            "body.tasks.1.step": {"step": "destroy"},
            "body.tasks.1.priority": {"priority": 101},
            "body.tasks.1.max_attempts": {"max_attempts": 0},
            "body.tasks.1.sla_ms": {"sla_ms": 2**32},
            "body.tasks.1.timeout_ms": {"timeout_ms": "1"},
            "body.tasks.1.tenant_id": {"tenant_id": "acme"},
            "body.tasks.1.origin": {"origin": "verification"},
            "body.tasks.1.run_at": {"run_at": "tomorrow"},
            "body.tasks.1.limit_key": {"limit_key": "a b"},
            "body.tasks.1.requires": {"requires": [f"c{n}" for n in range(9)]},
            "body.tasks.1.requires.0": {"requires": ["a|b"]},
            "body.tasks.1.affinity": {"affinity": ""},
            "body.tasks.1.params": {"params": {"a": "x" * 65_537}},
        }
        for field, change in wrong.items():
            found = await submit(front.admin, TASK, TASK | {"key": "b"} | change, status=422)
            assert [error["field"] for error in found["errors"]] == [field]
        open_ = {"operation": "command.run", "params": {"environment": {"TOKEN": "canary-7f3a91"}}}
        found = await submit(front.admin, TASK, TASK | {"key": "b"} | open_, status=422)
        assert "params.environment.TOKEN is a secret: give" in found["errors"][0]["problem"]
        slot = {"name": "look", "cron": "* * * * *", "task": {**TASK, **open_}}
        del slot["task"]["key"]
        answers = [
            await front.admin.post("/api/htm/schedules", json=slot),
            await front.admin.post(
                "/api/verification/benchmarks/baseline", json={"target": "t", **open_}
            ),
        ]
        assert {answer.status_code for answer in answers} == {422}
        shown = json.dumps(found) + "".join(answer.text for answer in answers)
        assert shown.count("TOKEN is a secret: give") == 3
        assert "canary" not in shown + await everything(front.house)
        whole = {"step": "apply", "capability": CAPABILITY, "action_id": "a", "contract_id": "c"}
        for missing in ("capability", "action_id", "contract_id"):
            part = {name: value for name, value in whole.items() if name != missing}
            found = await submit(front.admin, TASK | part, status=422)
            assert "need capability, action_id and contract_id" in found["errors"][0]["problem"]
        await submit(front.admin, status=422)
        too_many = [TASK | {"key": f"k{n}"} for n in range(1001)]
        await submit(front.admin, *too_many, status=422)
        assert await front.house.rows("htm", "SELECT id FROM htm_tasks") == []
        await submit(front.admin, TASK | whole)
        taken = await submit(front.admin, *too_many[:1000])
        assert len({each["task_id"] for each in taken}) == 1000


async def test_tasks_wait_for_others_and_say_so(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        bob = await front.person("bob", "htm:write")
        family = [
            TASK | {"key": "p"},
            TASK | {"key": "c", "parent_key": "p"},
            TASK | {"key": "d", "parent_key": "p", "depends_on_keys": ["c"]},
        ]
        p, c, d = (each["task_id"] for each in await submit(ada, *family))
        found = await data(ada, f"{TASKS}/{d}")
        assert (found["status"], found["parent_id"], found["depends_on"]) == ("waiting", p, [c])
        why = await data(ada, f"{TASKS}/{d}/why")
        assert why["blocks"] == [{"kind": "depends_on", "detail": f"it depends on {c} (queued)"}]
        children = await data(ada, f"{TASKS}?parent_id={p}")
        assert [(each["task_id"], each["parent_id"]) for each in children] == [(d, p), (c, p)]
        assert len(await data(ada, f"{TASKS}?parent_id={p}&status=waiting")) == 1
        for change in ({"depends_on": ["x"]}, {"parent_id": p}, {"depends_on_keys": ["e"]}):
            refused = await submit(bob, TASK | {"key": "e"} | change, status=422)
            assert (
                refused["detail"].startswith("api:e: ")
                or "wait for one another" in (refused["detail"])
            )
        circle = [TASK | {"key": k, "depends_on_keys": [o]} for k, o in ("xy", "yx")]
        await submit(ada, *circle, status=422)
        assert (await ada.get(f"{TASKS}?parent_id=nonsense")).status_code == 422
        assert len(await data(ada, TASKS)) == 3


async def test_a_result_is_read_whole_wherever_it_lies(
    open_gateway: OpenGateway, tmp_path: Path
) -> None:
    store = f"file://{tmp_path}"
    async with open_gateway("htm", blob_store=store) as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        tasks = [TASK | {"key": f"k{n}"} for n in range(4)]
        small, large, lost, none = (each["task_id"] for each in await submit(ada, *tasks))
        worker = await front.house.act_as("worker")
        text = json.dumps({"a": "\u00e4" * 300_000}, ensure_ascii=False).encode()
        ref = await open_blobs(BlobSettings(blob_store=store)).put(text)
        told: dict[str, dict[str, Any]] = {
            small: {"result_json": '{"a":1}'},
            large: {"result_sha256": ref.sha256, "result_size_bytes": ref.size},
            lost: {"result_sha256": "0" * 64, "result_size_bytes": 1},
        }
        for task in (
            await worker.call(ClaimTasks(worker_id="w", kernels=("noop",), slots=3))
        ).tasks:
            await worker.report(
                TaskUpdate(
                    task_id=task.task_id,
                    status=TaskUpdateStatus.completed,
                    worker_id="w",
                    attempt_number=1,
                    at=datetime.now(UTC),
                    **told[task.task_id],
                )
            )

        async def done() -> bool:
            return len(await data(ada, f"{TASKS}?status=succeeded")) == 3

        await eventually(done)
        assert (await ada.get(f"{TASKS}/{small}/result")).json() == {"a": 1}
        found = await ada.get(f"{TASKS}/{large}/result")
        assert (found.content, found.headers["content-type"]) == (text, "application/json")
        assert (await data(ada, f"{TASKS}/{large}"))["result_sha256"] == ref.sha256
        mallory = await front.person("mallory", "htm:read")
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'mallory'"
        )
        for who, task_id in ((ada, lost), (ada, none), (ada, "nothing"), (mallory, large)):
            assert (await who.get(f"{TASKS}/{task_id}/result")).status_code == 404
        (tmp_path / ref.sha256[:2] / ref.sha256).write_bytes(b"other bytes")
        damaged = await ada.get(f"{TASKS}/{large}/result")
        assert (damaged.status_code, damaged.json()["code"]) == (500, "internal")
        assert ref.sha256 in damaged.json()["detail"]


async def test_what_a_task_brought_that_did_not_succeed_is_not_its_result(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        worker = await front.house.act_as("worker")
        (taken,) = await submit(ada, TASK)
        (task,) = (await worker.call(ClaimTasks(worker_id="w", kernels=("noop",), slots=1))).tasks
        failed = TaskUpdate(
            task_id=task.task_id, status=TaskUpdateStatus.failed, worker_id="w", attempt_number=1,
            at=datetime.now(UTC), error_class="user", result_json='{"ok":true}',
        )  # fmt: skip
        await worker.call(ReportTasks(updates=(failed,)))
        path = f"{TASKS}/{taken['task_id']}"
        shown = await data(ada, path)
        assert (shown["status"], shown["result_json"]) == ("failed", '{"ok":true}')
        assert (await ada.get(f"{path}/result")).status_code == 404


async def test_pages_and_filters_lead_through_every_task(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ada = await front.person("ada", "htm:write", "htm:read")
        tasks = [TASK | {"key": f"k{n}", "type": f"t{n % 2}"} for n in range(5)]
        ids = [each["task_id"] for each in await submit(ada, *tasks)]
        shown, cursor = [], None
        for _ in range(3):
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await ada.get(TASKS, params=query)).json()
            shown += [task["task_id"] for task in page["data"]]
            cursor = page["meta"]["next_cursor"]
        assert (shown, cursor) == (sorted(ids, reverse=True), None)
        assert (
            len(await data(ada, f"{TASKS}?type=t1&origin=api:ada&status=queued&kernel=noop")) == 2
        )
        assert await data(ada, f"{TASKS}?until=2026-01-01T00:00:00Z") == []
        assert len(await data(ada, f"{TASKS}?since=2026-01-01T00:00:00Z")) == 5
        for wrong in (
            "status=perhaps",
            "kernel=a%20b",
            "since=1",
            "since=0001-01-01T00:00:00%2B14:00",
        ):
            assert (await ada.get(f"{TASKS}?{wrong}")).status_code == 422, wrong
        assert (await ada.get(f"{TASKS}?cursor=bWlzc2lvbnM")).status_code == 400
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'other' RETURNING key_id"
        )
        assert await data(ada, TASKS) == []
        foreign = await ada.get(f"{TASKS}/{ids[0]}/why")
        assert (foreign.status_code, foreign.json()["detail"]) == (404, "No such task.")


async def test_a_task_says_why_it_waits_and_what_ended_it(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ((task),) = await submit(front.admin, TASK)
        path = f"{TASKS}/{task['task_id']}/why"
        waiting = await data(front.admin, path)
        assert [block["kind"] for block in waiting["blocks"]] == ["no_worker"]
        assert (waiting["ahead"], waiting["sla_state"]) == (0, "ok")
        worker = await front.house.act_as("worker")
        (claimed,) = (
            await worker.call(ClaimTasks(worker_id="w", kernels=("noop",), slots=1))
        ).tasks
        assert (await data(front.admin, path))["worker"] == "worker/w"
        await worker.report(
            TaskUpdate(
                task_id=claimed.task_id, worker_id="w", attempt_number=1,
                status=TaskUpdateStatus.completed, at=datetime.now(UTC),
            )
        )  # fmt: skip

        async def ended() -> Any:
            found = await data(front.admin, path)
            return found if found["status"] == "succeeded" else None

        found = await eventually(ended)
        assert found["sentence"].startswith("succeeded in attempt 1 of 3 on worker worker/w")
        await front.house.rows("htm", "DELETE FROM htm_metric_hours RETURNING hour")
        await RollUp(Settings()).tick(front.services["htm"])
        figures = await data(front.admin, "/api/htm/metrics")
        (hour,) = figures["hours"]
        assert (hour["type"], hour["counts"]["success_rate"]) == ("noop.observe", 1.0)
        assert hour["total"]["p99"] == hour["total"]["avg"] > 0
        assert figures["totals"][0]["counts"]["sla_rate"] == 1.0
        assert (await data(front.admin, "/api/htm/metrics?type=other"))["hours"] == []
        for wrong in ("since=1", "type=a%20b", "until=9999-12-31T23:59:59-12:00"):
            assert (await front.admin.get(f"/api/htm/metrics?{wrong}")).status_code == 422, wrong
