"""Analytics over HTTP: what the cube answers, for one's own tenant, and what cannot be asked."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from grace.contracts.verification import ActionClosed
from grace.testkit import eventually

OpenGateway = Callable[..., Any]
PATHS = ("trend", "breakdown", "funnel", "compare", "runs")
NOW = datetime.now(UTC)


def closed(name: str, verdict: str, tenant: str = "default") -> ActionClosed:
    return ActionClosed(
        mission_id=f"mission-{name}", tenant_id=tenant, contract_id=f"contract-{name}", revision=1,
        playbook="mend-it", playbook_version=1, operation="thing.mend", target="shop-db",
        verdict=verdict, confidence=0.5, executed=True, closed_at=NOW,
    )  # fmt: skip


async def test_a_history_is_counted_for_its_own_tenant(open_gateway: OpenGateway) -> None:
    often = {"cube_interval": timedelta(milliseconds=50)}
    async with open_gateway() as front, front.house.running("observability", observability=often):
        verification = await front.house.act_as("verification")
        async with verification.unit() as unit:
            for each in (
                closed("a", "verified"),
                closed("b", "failed"),
                closed("c", "verified", "x"),
            ):
                unit.publish(each, tenant=each.tenant_id)
        ada = await front.person("ada", "observability:read")

        async def counted() -> dict[str, Any] | None:
            answer = (await ada.get("/api/analytics/breakdown")).json()["data"]
            return answer if answer["whole"]["count"] == "2" else None

        found = await eventually(counted, timeout=15)
        (share,) = found["shares"]
        assert (share["name"], share["share"], share["figures"]["success_rate"]) == (
            "mend-it",
            1.0,
            0.5,
        )
        assert share["figures"]["mean"] == 0.5
        assert found["loaded_at"].endswith("Z")
        trend = (await ada.get("/api/analytics/trend?bucket=day&operation=thing.mend")).json()[
            "data"
        ]
        assert sum(int(point["figures"]["count"]) for point in trend["points"]) == 2
        none = (await ada.get("/api/analytics/trend?service=nobody")).json()["data"]["points"]
        assert {point["figures"]["count"] for point in none} == {"0"}
        compared = (await ada.get("/api/analytics/compare?dimension=outcome")).json()["data"]
        assert (compared["before"]["count"], compared["now"]["count"]) == ("0", "2")
        steps = (await ada.get("/api/analytics/funnel")).json()["data"]["steps"]
        assert [step["name"] for step in steps][-1] == "verified"
        (run, *_) = (await ada.get("/api/analytics/runs")).json()["data"]["runs"]
        assert run["step"] in {"action", "hours"}


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("trend?bucket=minute", "query.bucket"),
        ("breakdown?dimension=colour", "query.dimension"),
        ("breakdown?limit=101", "query.limit"),
        ("trend?fact=deed", "query.fact"),
        ("trend?since=yesterday", "query.since"),
        ("funnel?fact=task", "query.fact"),
        ("runs?limit=0", "query.limit"),
    ],
)
async def test_what_cannot_be_asked_is_named(
    open_gateway: OpenGateway, path: str, field: str
) -> None:
    async with open_gateway() as front:
        answer = await front.admin.get(f"/api/analytics/{path}")
        assert answer.status_code == 422, answer.text
        assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_time_without_an_answer_is_refused_by_the_owner(open_gateway: OpenGateway) -> None:
    async with open_gateway("observability") as front:
        later = (NOW + timedelta(days=1)).isoformat().replace("+00:00", "Z")
        for path, said in (
            (f"trend?since={later}", "later than"),
            ("trend?since=0001-01-02T00:00:00Z", "between 2000 and 2200"),
            ("compare?until=9999-12-31T23:59:59Z", "between 2000 and 2200"),
            ("trend?since=2024-11-20T00:00:00Z&until=2026-11-20T00:00:00Z", "at most 400 days"),
            ("compare?since=2026-01-01T00:00:00Z&until=2026-11-20T00:00:00Z", "at most 200 days"),
            ("funnel?since=2026-01-01T00:00:00Z&until=2026-11-20T00:00:00Z", "at most 31 days"),
            ("trend?since=2026-01-01T00:00:00Z&until=2026-11-20T00:00:00Z", "ask for days"),
        ):
            answer = await front.admin.get(f"/api/analytics/{path}")
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.text
            assert said in answer.json()["detail"]


async def test_the_scope_and_the_house_are_asked_for(open_gateway: OpenGateway) -> None:
    async with open_gateway() as front:
        eve = await front.person("eve", "missions:read")
        assert [(await eve.get(f"/api/analytics/{path}")).status_code for path in PATHS] == [
            403
        ] * 5
        ada = await front.person("ada", "observability:read")
        await front.house.rows(
            "gateway", "UPDATE api_keys SET tenant_id = 'x' WHERE principal = 'ada'"
        )
        refused = await ada.get("/api/analytics/runs")
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
