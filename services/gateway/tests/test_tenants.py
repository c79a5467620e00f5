"""What belongs to a tenant is 404 for every other: each route with an id, each with a real one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from grace.contracts.htm import ClaimTasks, SubmitTasks, TaskSpec, TaskUpdate, TaskUpdateStatus
from grace.gateway.api.description import operations
from grace.gateway.domain.access import Scope
from grace.gateway.domain.ownership import may_read, tenants_in
from grace.kit import Runtime, new_id
from grace.testkit import eventually
from grace.testkit.validating import Validating

OpenGateway = Callable[..., Any]
BASELINE = "/api/verification/benchmarks/baseline"
SMOKE = "/api/verification/benchmarks/smoke"
INTENT = {
    "intent_id": "intent-1",
    "goal": "Orders can be placed again",
    "domain": "postgres",
    "sla_ms": 1000,
}
TEXT = {
    "title": "Blocked sessions",
    "content": "Look for one.",
    "artifact_type": "runbook",
    "actor": "ada",
}
WITH_BODY = ("post", "patch")
FREEZE = {"reason": "the fair", "environment": "elsewhere", "timezone": "UTC", "days": ["mon"],
          "from_time": "22:00", "until_time": "23:00"}  # fmt: skip
OWNERS = ("governance", "htm", "intent", "knowledge", "verification")


POLICY = {
    "name": "never",
    "reason": "x",
    "text": '@id("never") forbid (principal, action, resource) when { context.hour > 23 };',
}
STANDING = "/api/governance/standing-approvals"
CONSENT = {
    "secret": "s", "operation": "noop.wait", "target": "t", "lifetime_s": 60, "reason": "x",
}  # fmt: skip
WORD = {"playbook": "p", "target_class": "c", "budget": 1, "lifetime_s": 60, "reason": "x"}
# Every tenant has its own, also without a record: tests/test_autonomy.py.
EVERYBODYS = "/api/governance/autonomy/"
# No tenant's but the house's, whose keys alone pass: tests/test_quarantine.py.
HOUSES = "/api/quarantine/"


async def task_of(front: Any) -> str:
    verification = await front.house.act_as("verification")
    spec = TaskSpec.model_validate({
        "key": str(new_id()), "type": "noop.observe", "kernel": "noop", "origin": "verification",
        "operation": "noop.wait", "step": "observe", "target": "nowhere", "params": "{}",
        "priority": 0, "timeout_ms": 1000, "max_attempts": 3, "sla_ms": 60_000,
        "tenant_id": "default",
    })  # fmt: skip
    answer = await verification.call(SubmitTasks(tasks=(spec,)))
    return str(answer.tasks[0].task_id)


async def limit_of(front: Any) -> str:
    answer = await front.admin.put("/api/htm/limits", json={"key": "shop-db", "concurrency": 2})
    return str(answer.json()["data"]["key"])


async def schedule_of(front: Any) -> str:
    task = {"type": "noop.observe", "kernel": "noop", "operation": "noop.wait", "target": "t"}
    body = {"name": "nightly", "cron": "0 2 * * *", "task": task}
    return str((await made(front, "/api/htm/schedules", body))["name"])


async def review_of(front: Any, approval: dict[str, Any]) -> str:
    """The review of an approval that somebody granted alone."""
    guard = await front.person("guard", "approvals:read", "approvals:break-glass")
    seated = await front.admin.put("/api/approvers/guard", json={"group": "dba"})
    assert seated.is_success, seated.text
    broken = await guard.post(
        f"/api/approvals/{approval['approval_id']}/break-glass",
        json={"shown_hash": approval["shown_hash"], "reason": "the shop is down"},
        headers={"If-Match": "*"},
    )
    return str(broken.json()["data"]["review_id"])


async def things_of(front: Any) -> dict[str, str]:
    """One thing of the tenant `default` for each route that takes an id."""
    approval = await front.hand_in(2)
    artifact = await made(front, "/api/knowledge/ingest", TEXT)
    worker = await front.house.act_as("worker", Validating().rpc)
    baseline = await made(front, BASELINE, {"target": "t", "operation": "noop.wait"})
    await measured(front, worker, baseline["baseline_id"])
    run = await made(front, SMOKE, {"target": "t"})
    intent = await made(front, "/api/intents/submit", INTENT)
    freeze = await made(front, "/api/freezes", FREEZE)
    # Before the first approver is seated: from then on only approvers give their word.
    word = await made(front, STANDING, WORD)
    consent = await made(front, "/api/governance/consents", CONSENT)
    key = await made(front, "/api/keys", {"principal": "ada", "scopes": ["htm:read"]})
    return {
        "approval_id": approval["approval_id"],
        "artifact_id": artifact["artifact_id"],
        "baseline_id": baseline["baseline_id"],
        "consent_id": consent["consent_id"],
        "freeze_id": freeze["freeze_id"],
        "contract_id": json.loads(approval["contracts"][0])["contract_id"],
        "intent_id": intent["intent_id"],
        "kernel": "noop",
        "key_id": key["key_id"],
        "limit_key": await limit_of(front),
        "mission_id": approval["mission_id"],
        "name": (await made(front, "/api/governance/policies", POLICY))["name"],
        "principal": "guard",
        "review_id": await review_of(front, await front.hand_in(2)),
        "schedule_name": await schedule_of(front),
        "run_id": run["run_id"],
        "standing_id": word["standing_id"],
        "task_id": await task_of(front),
    }


def example_of(document: Any, path: str, method: str) -> Any:
    """The body that the description of the API shows; the empty one where it takes none."""
    body = document["paths"][path][method].get("requestBody")
    if body is None:
        return {}
    schema = body["content"]["application/json"]["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name]["example"]


async def measured(front: Any, worker: Runtime, baseline_id: str) -> None:
    """Let a worker measure a baseline, so that a run has something to hold against."""

    async def claimed() -> Any:
        answer = await worker.call(ClaimTasks(worker_id="w", kernels=("noop",), slots=1))
        return answer.tasks[0] if answer.tasks else None

    task = await eventually(claimed)
    await worker.report(
        TaskUpdate(
            task_id=task.task_id,
            status=TaskUpdateStatus.completed,
            worker_id="w",
            attempt_number=task.attempt_number,
            at=datetime.now(UTC),
            result_json='{"rate": 1}',
        )
    )

    async def stored() -> bool:
        answer = await front.admin.get(f"{BASELINE}/{baseline_id}")
        return bool(answer.json()["data"]["status"] == "stored")

    await eventually(stored)


async def made(front: Any, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await front.admin.post(path, json=body)
    assert answer.is_success, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def as_tenant(front: Any, tenant: str) -> Any:
    """A client with every scope, of another tenant."""
    client = await front.person("mallory", *Scope)
    await front.house.rows(
        "gateway", "UPDATE api_keys SET tenant_id = $1 WHERE principal = 'mallory'", tenant
    )
    return client


async def test_the_things_of_another_tenant_are_not_there(open_gateway: OpenGateway) -> None:
    async with open_gateway(*OWNERS) as front:
        things = await things_of(front)
        mallory = await as_tenant(front, "shop")
        document = (await front.admin.get("/openapi.json")).json()
        asked = 0
        for path, method, _ in operations(document):
            # A PUT makes it, in the asker's own tenant.
            if "{" not in path or method == "put" or path.startswith((EVERYBODYS, HOUSES)):
                continue
            here = path.format(**things)
            more: dict[str, Any] = {"headers": {"If-Match": "*"}}
            if method in WITH_BODY:
                more["json"] = example_of(document, path, method)
            foreign = await mallory.request(method, here, **more)
            unknown = path.format(**dict.fromkeys(things, "unknown-1"))
            none = await mallory.request(method, unknown, **more)
            assert (foreign.status_code, none.status_code) == (404, 404), (method, path)
            assert foreign.json()["detail"] == none.json()["detail"], "it tells that there is one"
            # A task that waits has no result; its own test reads those of others.
            if method == "get" and not {"missions", "contracts", "result"} & set(path.split("/")):
                assert (await front.admin.get(here)).status_code == 200, path
            asked += 1
        assert asked >= 10
        for path in ("/api/approvals", "/api/intents", "/api/missions"):
            assert (await mallory.get(path)).json()["data"] == [], path


async def test_a_proof_shows_no_message_of_another_tenant(open_gateway: OpenGateway) -> None:
    async with open_gateway("identity", "governance") as front:
        await front.hand_in(2)

        async def proven() -> str | None:
            entries = (await front.admin.get("/api/log/entries?limit=1000")).json()["data"]
            told = [e for e in entries if e["subject"] == "approval.requested"]
            path = f"/api/log/proof?message_id={told[0]['message_id']}"
            return path if (await front.admin.get(path)).status_code == 200 else None

        path = await eventually(proven, timeout=15)
        mallory = await as_tenant(front, "shop")
        refused = await mallory.get(path)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
        shown = (await front.admin.get("/api/log/entries?limit=3")).json()["data"]
        hidden = (await mallory.get("/api/log/entries?limit=3")).json()["data"]
        for whole, part in zip(shown, hidden, strict=True):
            assert {whole["producer"], whole["subject"], whole["message_id"]}.isdisjoint({"-"})
            assert part == {**whole, "producer": "-", "subject": "-", "message_id": "-"}
            assert whole["leaf"] is None
        leaves = "/api/log/entries?limit=1000&leaves=true"
        signed = (await front.admin.get(leaves)).json()["data"]
        assert all(each["leaf"] for each in signed)
        theirs = {
            each["index"]: each["leaf"] for each in (await mallory.get(leaves)).json()["data"]
        }
        seen = {each["subject"] for each in signed if theirs[each["index"]]}
        assert seen == {"identity.key.registered"}  # public keys are everybody's


def test_a_message_names_its_tenants_wherever_they_are() -> None:
    assert tenants_in(b'{"tenant_id":"a","tasks":[{"tenant_id":"b"},{"x":{"tenant_id":"c"}}]}') == {
        "a", "b", "c",
    }  # fmt: skip
    assert tenants_in(b'{"tenant_id":"","key_id":"k"}') == set()


@pytest.mark.parametrize(
    ("body", "tenant", "shown"),
    [
        (b'{"tenant_id":"shop","mission_id":"m"}', "shop", True),
        (b'{"tasks":[{"tenant_id":"shop"},{"tenant_id":"shop"}]}', "shop", True),
        (b'{"tasks":[{"tenant_id":"shop"},{"tenant_id":"bank"}]}', "shop", False),
        (b'{"tenant_id":"shop"}', "bank", False),
        # An error that was reported names no tenant; its evidence may name anybody.
        (b'{"kind":"disk.full","message":"secret"}', "shop", False),
        (b'{"kind":"disk.full","details":{"tenant_id":"shop"}}', "shop", False),
        (b'{"kind":"disk.full","tags":["a"]}', "shop", False),
        (b'{"kind":"disk.full","message":"secret"}', "default", True),
        (b'{"tenant_id":"shop"}', "default", False),
        (b"[]", "shop", False),
    ],
)
def test_a_message_is_shown_to_whose_it_is(body: bytes, tenant: str, *, shown: bool) -> None:
    assert may_read(body, tenant) is shown
