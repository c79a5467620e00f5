"""Capacity, quotas and limits over REST: set at run time, read back, refused with a reason."""

from collections.abc import Callable
from typing import Any

from grace.contracts.htm import ClaimTasks, SubmitTasks, TaskSpec
from grace.kit import new_id

OpenGateway = Callable[..., Any]
QUOTAS = "/api/htm/quotas"
LIMITS = "/api/htm/limits"


def _spec(origin: str) -> TaskSpec:
    return TaskSpec.model_validate({
        "key": str(new_id()), "type": "noop.observe", "kernel": "noop", "origin": origin,
        "operation": "noop.wait", "step": "observe", "target": "nowhere", "params": "{}",
        "priority": 0, "timeout_ms": 1000, "max_attempts": 3, "sla_ms": 60_000,
        "tenant_id": "default",
    })  # fmt: skip


async def test_shares_are_set_and_seen_at_work(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ops = await front.person("ops", "htm:read", "htm:write")
        stats = (await ops.get("/api/htm/routing/stats")).json()["data"]
        assert stats["capacity"] == 50
        assert stats["origins"]["intent"]["quota_used"] == "0/12"
        verification = await front.house.act_as("verification")
        await verification.call(SubmitTasks(tasks=(_spec("intent"), _spec("outside"))))
        worker = await front.house.act_as("worker")
        await worker.call(ClaimTasks(worker_id="w1", kernels=("noop",), slots=9))
        intent = (await ops.get("/api/htm/routing/stats")).json()["data"]["origins"]["intent"]
        assert intent == {
            "current_count": 1, "quota": 12, "quota_used": "1/12", "utilization": 0.08,
        }  # fmt: skip
        wanted = {"capacity": 10, "quotas": [{"origin": "outside", "share_percent": 40}]}
        assert (await ops.put(QUOTAS, json=wanted)).status_code == 200
        data = (await ops.get(QUOTAS)).json()["data"]
        quota = {"origin": "outside", "share_percent": 40, "weight": 1.0, "lends": True}
        assert data == {"capacity": 10, "quotas": [quota], "version": data["version"]}
        quotas = [{"origin": name, "share_percent": 60} for name in ("a", "b")]
        refused = await ops.put(QUOTAS, json={"capacity": 50, "quotas": quotas})
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")
        assert "120 %" in refused.json()["detail"]
        assert (await ops.get(QUOTAS)).json()["data"] == data


async def test_shares_that_somebody_has_set_since_are_not_replaced_unseen(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        ops = await front.person("ops", "htm:read", "htm:write")
        read = await ops.get(QUOTAS)
        mine = {"capacity": 40, "quotas": read.json()["data"]["quotas"]}
        set_ = await ops.put(QUOTAS, json=mine, headers={"If-Match": read.headers["ETag"]})
        assert (set_.status_code, set_.json()["data"]["capacity"]) == (200, 40)
        assert set_.headers["ETag"] == (await ops.get(QUOTAS)).headers["ETag"]
        for late in (read.headers["ETag"], "1", '"1"', "W/" + set_.headers["ETag"]):
            refused = await ops.put(
                QUOTAS, json={"capacity": 30, "quotas": []}, headers={"If-Match": late}
            )
            assert (refused.status_code, refused.json()["code"]) == (412, "stale"), late
        assert (await ops.get(QUOTAS)).json()["data"] == set_.json()["data"]
        whatever = await ops.put(
            QUOTAS, json={"capacity": 30, "quotas": []}, headers={"If-Match": "*"}
        )
        assert whatever.status_code == 200


async def test_limits_are_set_listed_and_dropped(open_gateway: OpenGateway) -> None:
    async with open_gateway("htm") as front:
        ops = await front.person("ops", "htm:read", "htm:write")
        for key in ("b", "a"):
            made = await ops.put(LIMITS, json={"key": key, "rate_per_second": 2.5})
            assert made.json()["data"]["burst"] == 3, made.text
        page = (await ops.get(f"{LIMITS}?limit=1")).json()
        assert [limit["key"] for limit in page["data"]] == ["a"]
        rest = await ops.get(LIMITS, params={"cursor": page["meta"]["next_cursor"]})
        assert [limit["key"] for limit in rest.json()["data"]] == ["b"]
        empty = await ops.put(LIMITS, json={"key": "a"})
        assert (empty.status_code, "give concurrency" in empty.json()["detail"]) == (422, True)
        assert (await ops.delete(f"{LIMITS}/a")).status_code == 204
        gone = await ops.delete(f"{LIMITS}/a")
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


async def test_who_may_only_read_changes_nothing_and_other_tenants_see_no_shares(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("htm") as front:
        reader = await front.person("eve", "htm:read")
        body = {"capacity": 10, "quotas": []}
        assert (await reader.put(QUOTAS, json=body)).status_code == 403
        assert (await reader.put(LIMITS, json={"key": "a", "concurrency": 1})).status_code == 403
        assert (await reader.delete(f"{LIMITS}/a")).status_code == 403
        mallory = await front.person("mallory", "htm:read", "htm:write")
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'shop' WHERE principal = 'mallory'"
        )
        for answer in (
            await mallory.get(QUOTAS),
            await mallory.put(QUOTAS, json=body),
            await mallory.get("/api/htm/routing/stats"),
        ):
            assert answer.status_code == 403
        assert (await front.admin.get(QUOTAS)).json()["data"]["capacity"] == 50
