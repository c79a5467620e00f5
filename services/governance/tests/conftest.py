"""Factories: drafted plans as verification hands them over, and people who decide."""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from grace.contracts.governance import Approval, Decide, GetApproval, ListApprovals
from grace.contracts.intent import Measurement, PlannedAction, TargetDefinition
from grace.contracts.message import Message
from grace.contracts.verification import Contract, ContractDrafted, DraftContract
from grace.kit import Runtime, new_id
from grace.testkit import House, eventually

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def action(number: int, tier: int, *, reversible: bool, target: str) -> PlannedAction:
    params = '{"name":"statement_timeout","value":"5ms"}'
    return PlannedAction(
        action_id=f"action-{number}",
        sequence=number,
        operation="postgres.set_database_setting",
        kernel="postgres",
        target=target,
        params=params,
        params_hash=sha256(params.encode()),
        tier=tier,
        reversible=reversible,
        timeout_ms=30_000,
        measurement=Measurement(
            operation="postgres.activity", target=target, params="{}", timeout_ms=30_000
        ),
        definitions=tuple(
            TargetDefinition(target=name, sha256=sha256(name.encode()))
            for name in ("checks", target)
        ),
    )


def drafted(
    *tiers: int,
    requested_by: str = "admin",
    tenant_id: str = "default",
    reversible: bool = True,
    mission_id: str = "",
    target: str = "shop-db",
) -> ContractDrafted:
    mission = mission_id or f"mission-{new_id()}"
    contracts = [
        Contract(
            contract_id=f"contract-{number:016x}-1795176000",
            mission_id=mission,
            tenant_id=tenant_id,
            plan_hash=sha256(mission.encode()),
            playbook="postgres-runaway-queries",
            playbook_version=1,
            requested_by=requested_by,
            action=action(number, tier, reversible=reversible, target=target),
            drafted_at=NOW,
            revision=1,
        )
        for number, tier in enumerate(tiers)
    ]
    return ContractDrafted(
        mission_id=mission,
        tenant_id=tenant_id,
        plan_hash=sha256(mission.encode()),
        playbook="postgres-runaway-queries",
        requested_by=requested_by,
        contracts=tuple(draft_of(contract) for contract in contracts),
    )


def draft_of(contract: Contract) -> DraftContract:
    body = contract.to_bytes()
    return DraftContract(
        contract_id=contract.contract_id,
        action_id=contract.action.action_id,
        contract_hash=sha256(body),
        contract=body,
    )


@dataclass
class Office:
    """Verification hands plans in, people decide on them through the gateway."""

    house: House
    governance: Runtime
    verification: Runtime
    gateway: Runtime

    async def hand_in(self, *tiers: int, **how: object) -> Approval:
        """Hand a plan in and wait for its approval."""
        plan = drafted(*tiers, **how)
        await self.verification.report(plan)
        return await self.approval_of(plan.mission_id, plan.tenant_id)

    async def approval_of(self, mission_id: str, tenant_id: str = "default") -> Approval:
        async def find() -> Approval | None:
            page = await self.gateway.call(ListApprovals(tenant_id=tenant_id, limit=100))
            return next((a for a in page.approvals if a.mission_id == mission_id), None)

        return await self.read(await eventually(find))

    async def read(self, approval: Approval) -> Approval:
        return await self.gateway.call(
            GetApproval(tenant_id=approval.tenant_id, approval_id=approval.approval_id)
        )

    async def decide(
        self,
        approval: Approval,
        principal: str = "ada",
        choice: str = "approve",
        *,
        within: float = 5.0,
        **how: object,
    ) -> Approval:
        question = {
            "tenant_id": approval.tenant_id,
            "approval_id": approval.approval_id,
            "principal": principal,
            "choice": choice,
            "shown_hash": approval.shown_hash,
        }
        return await self.gateway.call(Decide(**(question | how)), timeout=within)

    async def told(self, model: type[Message], *, count: int = 1) -> Sequence[Message]:
        """Wait until the stream keeps so many messages of a kind, and return all of them."""

        async def kept() -> Sequence[Message]:
            found = [model.from_bytes(m.data) for m in await self.house.messages(model.SUBJECT)]
            return found if len(found) >= count else []

        return await eventually(kept)


@pytest.fixture
def draft_plan() -> Callable[..., ContractDrafted]:
    return drafted


@pytest.fixture
def redraft() -> Callable[[Contract], DraftContract]:
    return draft_of


@pytest.fixture
def open_office(house: House) -> Callable[..., AbstractAsyncContextManager[Office]]:
    @asynccontextmanager
    async def opened(**settings: object) -> AsyncIterator[Office]:
        async with house.running("governance", governance=settings) as services:
            yield Office(
                house,
                services["governance"],
                await house.act_as("verification"),
                await house.act_as("gateway"),
            )

    return opened
