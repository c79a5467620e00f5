"""Questions that are passed on: intents, knowledge and observability, each answered by its owner."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.contracts.observability import StressEnded, StressEndedStatus
from grace.testkit import eventually

OpenGateway = Callable[..., Any]
INTENT = {
    "intent_id": "unblock-shop",
    "goal": "Orders can be placed again",
    "domain": "postgres",
    "sla_ms": 300_000,
    "kind": "postgres.blocked_sessions",
    "target": "shop-db",
}
TEXT = {
    "title": "Blocked sessions in the shop",
    "content": "When orders hang, look for a session that is idle in transaction.",
    "artifact_type": "runbook",
    "actor": "ada",
}


def failed_run() -> StressEnded:
    now = datetime.now(UTC)
    return StressEnded(
        run_id="run-1",
        suite="checkout",
        target="shop-db",
        status=StressEndedStatus.failed,
        started_at=now - timedelta(minutes=1),
        ended_at=now,
        requests=100,
        errors=50,
        p99_ms=900.0,
        failure_kind="postgres.blocked_sessions",
    )


async def test_an_intent_is_accepted_once_and_can_be_followed(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        ada = await front.person("ada", "intents:write", "intents:read")
        submitted = await ada.post("/api/intents/submit", json=INTENT)
        assert submitted.status_code == 202, submitted.text
        intent = submitted.json()["data"]
        assert (intent["requested_by"], intent["priority"]) == ("ada", "normal")
        read = await ada.get(submitted.headers["location"])
        assert read.json()["data"]["mission_id"] == intent["mission_id"]
        again = await ada.post("/api/intents/submit", json=INTENT)
        assert again.json()["data"]["mission_id"] == intent["mission_id"]
        other = await ada.post("/api/intents/submit", json=INTENT | {"goal": "another"})
        assert (other.status_code, other.json()["code"]) == (409, "conflict")
        await ada.post("/api/intents/submit", json=INTENT | {"intent_id": "second"})
        page = (await ada.get("/api/intents?limit=1")).json()
        assert [each["intent_id"] for each in page["data"]] == ["second"]
        rest = await ada.get("/api/intents", params={"cursor": page["meta"]["next_cursor"]})
        assert [each["intent_id"] for each in rest.json()["data"]] == ["unblock-shop"]
        assert (await ada.get("/api/intents?status=verified")).json()["data"] == []
        assert (await ada.get("/api/intents/none")).status_code == 404
        wrong: dict[str, dict[str, Any]] = {
            "body.intent_id": {"intent_id": ""},
            "body.goal": {"goal": ""},
            "body.sla_ms": {"sla_ms": 12.0},
            "body.priority": {"priority": "unspecified"},
            "body.requested_by": {"requested_by": "bob"},
            "body.details": {"details": {"a": "x" * 17_000}},
        }
        for field, change in wrong.items():
            answer = await ada.post("/api/intents/submit", json=INTENT | change)
            assert answer.status_code == 422, field
            assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_text_is_taken_in_once_and_found_by_its_words(open_gateway: OpenGateway) -> None:
    async with open_gateway("knowledge") as front:
        ada = await front.person("ada", "knowledge:write", "knowledge:read")
        made = await ada.post("/api/knowledge/ingest", json=TEXT)
        assert made.status_code == 201, made.text
        assert made.json()["data"]["duplicate"] is False
        again = await ada.post("/api/knowledge/ingest", json=TEXT)
        assert (again.status_code, again.json()["data"]["duplicate"]) == (200, True)
        read = (await ada.get(made.headers["location"])).json()["data"]
        assert (read["content"], read["actor"]) == (TEXT["content"], "ada")
        asked = {"query": "orders hang", "top_k": 3}
        found = (await ada.post("/api/vectors/search", json=asked)).json()["data"]
        assert [hit["artifact_id"] for hit in found["hits"]] == [read["artifact_id"]]
        assert 0 < found["hits"][0]["similarity"] <= 1
        stats = (await ada.get("/api/vectors/index/stats")).json()["data"]
        assert (stats["total_artifacts"], stats["index_coverage"]) == (1, 1.0)
        assert (await ada.get("/api/knowledge/artifacts/none")).status_code == 404
        wrong: list[tuple[str, dict[str, Any]]] = [
            ("/api/knowledge/ingest", TEXT | {"content": "  \n"}),
            ("/api/knowledge/ingest", TEXT | {"title": "x" * 501}),
            ("/api/knowledge/ingest", TEXT | {"artifact_type": "a b"}),
            ("/api/vectors/search", asked | {"top_k": 51}),
            ("/api/vectors/search", asked | {"top_k": 0}),
            ("/api/vectors/search", asked | {"query": " "}),
        ]
        for path, body in wrong:
            assert (await ada.post(path, json=body)).status_code == 422, (path, body)
        large = TEXT | {"content": "\u00e4" * 400_000}
        assert (await ada.post("/api/knowledge/ingest", json=large)).status_code == 413
        await front.house.rows("gateway", "UPDATE api_keys SET tenant_id = 'other'")
        assert (await ada.get(made.headers["location"])).status_code == 404
        hidden = (await ada.post("/api/vectors/search", json=asked)).json()["data"]
        assert hidden["hits"] == []


async def test_a_failed_stress_run_is_seen_from_every_side(open_gateway: OpenGateway) -> None:
    async with open_gateway("observability") as front:
        eve = await front.person("eve", "observability:read")
        base = "/api/observability"

        async def data(path: str) -> Any:
            return (await eve.get(f"{base}/{path}")).json()["data"]

        async def raised() -> Any:
            return [a for a in await data("alerts") if a["kind"] == "stress_failure"]

        await front.house.publish_raw(
            user="outside", subject="telemetry.stress.ended", body=failed_run().to_bytes()
        )
        assert [alert["subject"] for alert in await eventually(raised)] == ["checkout"]
        assert await data("alerts?status=resolved") == []
        (run,) = (await data("stress/current?suite=checkout"))["runs"]
        assert (run["status"], run["error_rate"]) == ("failed", 0.5)
        assert (await data("stress/current?suite=another"))["runs"] == []
        (suite,) = (await data("stress/trends?runs=5"))["suites"]
        assert (suite["suite"], suite["failed"], suite["p99_ms"]) == ("checkout", 1, 900.0)
        stats = await data("remediation/stats")
        assert (stats["due"] + stats["skipped"], stats["verified"]) == (1, 0)
        assert [each["run_id"] for each in stats["recent"]] == ["run-1"]
        dashboard = await data("dashboard")
        assert 0 <= dashboard["health_score"] < 100
        assert dashboard["open_alerts"] >= 1
        assert {"gateway", "htm"} <= {service["name"] for service in dashboard["services"]}
        for wrong in (
            "alerts?status=none",
            "alerts?limit=101",
            "stress/current?suite=a%20b",
            "stress/trends?runs=0",
            "remediation/stats?recent=101",
            "dashboard/none",
        ):
            status = 404 if wrong.startswith("dashboard") else 422
            assert (await eve.get(f"{base}/{wrong}")).status_code == status, wrong
