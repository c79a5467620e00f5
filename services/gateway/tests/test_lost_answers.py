"""The owner did what was asked and nobody heard its answer: a repeat gets it, and nothing more is done."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from grace.contracts.intent import DeclareFreeze
from grace.kit import new_id
from grace.testkit import House, eventually

OpenGateway = Callable[..., Any]
ONCE = {"Idempotency-Key": "order-1"}
BENCHMARKS = "/api/verification/benchmarks"
CRASHED = "UPDATE idempotency_responses SET status = NULL, body = NULL, claimed_until = now()"
KEY = {"principal": "ada", "scopes": ["missions:read"]}
FREEZE = {"reason": "fair", "kind": "postgres", "ends_at": "2999-01-01T00:00:00+01:00"}
MEASURED = {"target": "shop-db", "operation": "postgres.activity", "params": {}}
WORD = {
    "playbook": "postgres-blocked-sessions",
    "target_class": "postgres",
    "budget": 5,
    "lifetime_s": 3600,
    "reason": "it held",
}
CONSENT = {
    "secret": "SMTP_PASSWORD",
    "operation": "command.run",
    "target": "web-1",
    "lifetime_s": 600,
    "reason": "mail",
}


@dataclass(frozen=True)
class Route:
    """A route that makes a row of an owner's table."""

    owner: str
    table: str
    row: str
    path: str
    body: dict[str, Any]
    other: dict[str, Any]

    @property
    def held(self) -> str:
        """What has to be written, too, and may be locked by its owner."""
        return "outbox" if self.table == "secret_consents" else self.table


ROUTES = {
    "freeze": Route(
        "intent", "freezes", "freeze_id", "/api/freezes", FREEZE, {"reason": "another"}
    ),
    "word": Route(
        "governance",
        "standing_approvals",
        "standing_id",
        "/api/governance/standing-approvals",
        WORD,
        {"budget": 6},
    ),
    "consent": Route(
        "governance",
        "secret_consents",
        "consent_id",
        "/api/governance/consents",
        CONSENT,
        {"reason": "another"},
    ),
    "baseline": Route(
        "verification",
        "benchmarks",
        "baseline_id",
        f"{BENCHMARKS}/baseline",
        MEASURED,
        {"timeout_ms": 1},
    ),
    "smoke": Route(
        "verification",
        "benchmark_runs",
        "run_id",
        f"{BENCHMARKS}/smoke",
        {"target": "shop-db"},
        {"target": None},
    ),
    "regression": Route(
        "verification",
        "benchmark_runs",
        "run_id",
        f"{BENCHMARKS}/regression",
        {"target": "shop-db"},
        {"tolerance": 0.5},
    ),
}


@asynccontextmanager
async def held(house: House, service: str, table: str) -> AsyncIterator[None]:
    """Nobody can write into a table meanwhile; who began to, goes on afterwards."""
    connection = await house.role(service)
    try:
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {service}.{table} IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def count(house: House, service: str, table: str) -> int:
    rows = await house.rows(service, f"SELECT count(*) AS n FROM {table}")
    return int(rows[0]["n"])


async def have_a_golden_baseline(front: Any) -> None:
    made = await front.admin.post(f"{BENCHMARKS}/baseline", json=MEASURED)
    assert made.status_code == 202, made.text
    await front.house.rows(
        "verification",
        "UPDATE benchmarks SET status = 'stored', measured = '{}', measured_at = now(), next_at = NULL",
    )


@pytest.mark.parametrize("name", sorted(ROUTES))
async def test_what_was_done_behind_a_lost_answer_is_done_once(
    open_gateway: OpenGateway, name: str
) -> None:
    route = ROUTES[name]
    async with open_gateway(route.owner, rpc_timeout=timedelta(seconds=0.5)) as front:
        if route.table == "benchmark_runs":
            await have_a_golden_baseline(front)

        async def post(**other: object) -> httpx.Response:
            body = route.body | other
            answer: httpx.Response = await front.admin.post(route.path, json=body, headers=ONCE)
            return answer

        before = await count(front.house, route.owner, route.table)
        async with held(front.house, route.owner, route.held):
            assert (await post()).status_code == 504
            # The owner is still at the first: no second one begins beside it.
            assert (await post()).status_code == 504
        assert (await post(**route.other)).status_code == 422

        async def done() -> httpx.Response | None:
            answer = await post()
            return answer if answer.is_success else None

        repeated = await eventually(done)
        assert repeated.status_code in {201, 202}
        again = await asyncio.gather(post(), post())
        assert {each.content for each in again} == {repeated.content}
        assert await count(front.house, route.owner, route.table) == before + 1
        anew = await front.admin.post(
            route.path, json=route.body | route.other, headers={"Idempotency-Key": "order-2"}
        )
        assert anew.status_code in {201, 202, 409}, anew.text
        if anew.is_success:
            assert anew.json()["data"][route.row] != repeated.json()["data"][route.row]


async def test_of_two_at_the_owner_the_second_waits_and_finds_what_the_first_made(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway("intent") as front:
        wanted = DeclareFreeze(
            tenant_id="default",
            principal="ada",
            mode="wait",
            reason="fair",
            ends_at=datetime(2999, 1, 1, tzinfo=UTC),
        )
        identity, gateway = new_id(), front.services["gateway"]

        async def both_wait() -> bool:
            rows = await front.house.rows(
                "intent", "SELECT count(*) AS n FROM pg_locks WHERE NOT granted"
            )
            return int(rows[0]["n"]) >= 2

        async with asyncio.TaskGroup() as group, held(front.house, "intent", "freezes"):
            asked = [group.create_task(gateway.call(wanted, identity=identity)) for _ in range(2)]
            await eventually(both_wait)
        first, second = (each.result() for each in asked)
        assert first == second
        assert await count(front.house, "intent", "freezes") == 1
        assert await count(front.house, "intent", "outbox") == 1


async def test_an_api_key_whose_token_nobody_was_told_gets_another(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        first = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        await front.house.rows("gateway", CRASHED)
        again = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert again.status_code == 201
        made = [each.json()["data"] for each in (first, again)]
        assert made[0]["key_id"] == made[1]["key_id"]
        assert made[0]["token"] != made[1]["token"]
        lost = await front.client(made[0]["token"])
        assert (await lost.get("/api/missions")).status_code == 401
        ada = await front.client(made[1]["token"])
        assert (await ada.get("/api/missions")).status_code == 503  # verification does not run
        await front.house.rows("gateway", CRASHED)
        used = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert (used.status_code, "made before" in used.json()["detail"]) == (409, True)


async def test_a_repeat_that_is_refused_leaves_the_key_with_what_was_begun(
    open_gateway: OpenGateway,
) -> None:
    async with open_gateway() as front:
        expires = datetime.now(UTC) + timedelta(seconds=1)
        brief = KEY | {"expires_at": expires.isoformat()}
        assert (await front.admin.post("/api/keys", json=brief, headers=ONCE)).status_code == 201
        await front.house.rows("gateway", CRASHED)

        async def over() -> bool:
            return datetime.now(UTC) > expires

        await eventually(over)
        for _ in range(2):
            late = await front.admin.post("/api/keys", json=brief, headers=ONCE)
            assert (late.status_code, "expires_at" in late.json()["detail"]) == (422, True)
        other = await front.admin.post("/api/keys", json=KEY, headers=ONCE)
        assert (other.status_code, "another request" in other.json()["detail"]) == (422, True)


async def test_a_key_is_free_for_the_same_request_a_day_later(open_gateway: OpenGateway) -> None:
    async with open_gateway("intent") as front:
        made = []
        for _ in range(2):
            answer = await front.admin.post("/api/freezes", json=FREEZE, headers=ONCE)
            made.append(answer.json()["data"]["freeze_id"])
            await front.house.rows("gateway", "UPDATE idempotency_responses SET expires_at = now()")
        assert made[0] != made[1]
