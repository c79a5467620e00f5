"""A gateway with the services behind it, and incidents as intent tells of them."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from grace.client import Grace, GraceClientError
from grace.contracts.governance import Approval
from grace.contracts.intent import (
    ActionPlanned,
    ErrorCaptured,
    Expectation,
    ExpectationComparison,
    Measurement,
    Plan,
    PlannedAction,
    PlanningBlocked,
)
from grace.kit import Runtime, new_id
from grace.stack.ports import free_port
from grace.testkit import House, eventually

TARGET = "shop-db"


def captured(mission_id: str) -> ErrorCaptured:
    now = datetime.now(UTC)
    return ErrorCaptured(
        mission_id=mission_id,
        tenant_id="default",
        signal_id="signal-1",
        fingerprint=hashlib.sha256(mission_id.encode()).hexdigest(),
        source="pg-watch",
        kind="postgres.runaway_query",
        target=TARGET,
        message="queries run for minutes",
        severity="error",
        requested_by="admin",
        detected_at=now,
        captured_at=now,
    )


def planned(mission_id: str) -> ActionPlanned:
    now, params = datetime.now(UTC), '{"name":"statement_timeout","value":"5ms"}'
    action = PlannedAction(
        action_id=f"action-{new_id()}",
        sequence=0,
        operation="postgres.set_database_setting",
        kernel="postgres",
        target=TARGET,
        params=params,
        params_hash=hashlib.sha256(params.encode()).hexdigest(),
        tier=2,
        reversible=True,
        timeout_ms=30_000,
        expectations=(
            Expectation(field="waiting", comparison=ExpectationComparison.at_most, value=0.0),
        ),
        measurement=Measurement(
            operation="postgres.activity",
            target=TARGET,
            params='{"seconds":4,"warmup_seconds":1}',
            timeout_ms=30_000,
        ),
    )
    plan = Plan(
        mission_id=mission_id,
        tenant_id="default",
        playbook="postgres-runaway-queries",
        playbook_version=1,
        kind="postgres.runaway_query",
        target=TARGET,
        requested_by="admin",
        planned_at=now,
        detected_at=now,
        actions=(action,),
    ).to_bytes()
    return ActionPlanned(
        mission_id=mission_id,
        tenant_id="default",
        plan_hash=hashlib.sha256(plan).hexdigest(),
        plan=plan,
    )


@dataclass
class Place:
    """Where Grace is, with the admin's client."""

    house: House
    port: int
    key_file: Path
    admin: Grace
    intent: Runtime

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return self.key_file.read_text().strip()

    async def open_mission(self) -> str:
        """Let intent capture an error; return its mission once verification knows it."""
        mission_id = f"mission-{new_id()}"
        await self.intent.report(captured(mission_id))
        await eventually(lambda: self.knows(mission_id))
        return mission_id

    async def block(self, mission_id: str) -> None:
        """Let intent find no playbook."""
        await self.intent.report(
            PlanningBlocked(mission_id=mission_id, tenant_id="default", reason="no playbook fits")
        )

    async def ask_for_approval(self) -> Approval:
        """Let intent plan, and wait until governance asks."""
        mission_id = await self.open_mission()
        await self.intent.report(planned(mission_id))

        async def asked() -> Approval | None:
            page = await self.admin.approvals(limit=100)
            return next((a for a in page.items if a.mission_id == mission_id), None)

        return await self.admin.approval((await eventually(asked)).approval_id)

    async def knows(self, mission_id: str) -> bool:
        try:
            return (await self.admin.mission(mission_id)).mission_id == mission_id
        except GraceClientError:
            return False


@pytest.fixture
def open_grace(house: House) -> Callable[..., AbstractAsyncContextManager[Place]]:
    @asynccontextmanager
    async def opened(*others: str, **changes: dict[str, Any]) -> AsyncIterator[Place]:
        port = free_port()
        async with AsyncExitStack() as stack:
            changes |= {"gateway": {"port": port}}
            await stack.enter_async_context(house.running("gateway", *others, **changes))
            key_file = house.installation.admin_key_file
            url, token = f"http://127.0.0.1:{port}", key_file.read_text().strip()
            admin = await stack.enter_async_context(Grace(url, token))
            place = Place(house, port, key_file, admin, await house.act_as("intent"))
            await eventually(lambda: answers(admin), timeout=10)
            yield place

    return opened


async def answers(grace: Grace) -> bool:
    try:
        await grace.keys()
    except GraceClientError:
        return False
    return True
