"""The gateway on a free port, with people who hold keys, and plans to decide on."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from grace.contracts.intent import Measurement, PlannedAction
from grace.contracts.verification import Contract, ContractDrafted, DraftContract
from grace.kit import Runtime, new_id
from grace.stack.ports import free_port
from grace.testkit import House, eventually

# Nothing here speaks TLS, and a context for each client takes longer than a request.
_TLS = httpx.create_ssl_context()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def drafted(
    tier: int, *, requested_by: str = "admin", tenant_id: str = "default"
) -> ContractDrafted:
    mission, params = f"mission-{new_id()}", '{"min_idle_seconds":1}'
    measurement = Measurement(
        operation="postgres.activity", target="shop-db", params="{}", timeout_ms=1000
    )
    contract = Contract(
        contract_id="contract-00000000000000aa-1795176000",
        mission_id=mission,
        tenant_id=tenant_id,
        plan_hash=sha256(mission.encode()),
        playbook="postgres-blocked-sessions",
        playbook_version=1,
        requested_by=requested_by,
        action=PlannedAction(
            action_id="action-1",
            sequence=0,
            operation="postgres.terminate_blockers",
            kernel="postgres",
            target="shop-db",
            params=params,
            params_hash=sha256(params.encode()),
            tier=tier,
            reversible=False,
            environment="demo",
            timeout_ms=1000,
            measurement=measurement,
        ),
        drafted_at=NOW,
        revision=1,
    )
    body = contract.to_bytes()
    draft = DraftContract(
        contract_id=contract.contract_id,
        action_id="action-1",
        contract_hash=sha256(body),
        contract=body,
    )
    return ContractDrafted(
        mission_id=mission,
        tenant_id=tenant_id,
        plan_hash=sha256(mission.encode()),
        playbook="postgres-blocked-sessions",
        requested_by=requested_by,
        contracts=(draft,),
    )


def _client(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=url, headers=headers, timeout=10, trust_env=False, verify=_TLS
    )


@dataclass
class Front:
    """The gateway as its users see it."""

    house: House
    url: str
    services: dict[str, Runtime]
    admin: httpx.AsyncClient
    token: str
    stack: AsyncExitStack = field(repr=False)

    async def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A client with a token, or with none."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return await self.stack.enter_async_context(_client(self.url, headers))

    async def person(self, principal: str, *scopes: str) -> httpx.AsyncClient:
        """A client of a new key."""
        body = {"principal": principal, "scopes": list(scopes)}
        made = await self.admin.post("/api/keys", json=body)
        assert made.status_code == 201, made.text
        return await self.client(made.json()["data"]["token"])

    async def hand_in(self, tier: int, **how: str) -> dict[str, Any]:
        """Let verification hand a plan in; return its approval as people read it."""
        verification = await self.house.act_as("verification")
        plan = drafted(tier, **how)
        await verification.report(plan)

        async def find() -> dict[str, Any] | None:
            page = (await self.admin.get("/api/approvals?limit=100")).json()["data"]
            return next((a for a in page if a["mission_id"] == plan.mission_id), None)

        found = await eventually(find)
        answer = await self.admin.get(f"/api/approvals/{found['approval_id']}")
        approval: dict[str, Any] = answer.json()["data"]
        return approval


@pytest.fixture
def open_gateway(house: House) -> Callable[..., AbstractAsyncContextManager[Front]]:
    @asynccontextmanager
    async def opened(*others: str, **settings: object) -> AsyncIterator[Front]:
        port = free_port()
        async with AsyncExitStack() as stack:
            services = await stack.enter_async_context(
                house.running("gateway", *others, gateway={"port": port} | settings)
            )
            token = house.installation.admin_key_file.read_text().strip()
            url = f"http://127.0.0.1:{port}"
            admin = _client(url, {"Authorization": f"Bearer {token}"})
            await stack.enter_async_context(admin)
            front = Front(house, url, services, admin, token, stack)
            await eventually(lambda: answers(admin), timeout=10)
            yield front

    return opened


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health/ready")).status_code == 200
    except httpx.TransportError:
        return False
