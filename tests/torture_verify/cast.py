"""Intent, governance and the house around the two that are killed, by the real protocol."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from torture_verify.deeds import FILES, Prepared, Stage
from torture_verify.processes import Hands
from torture_verify.sabotage import Guard
from torture_verify.target import Shop

from grace.contracts.governance import (
    ApprovalGranted,
    Capability,
    CapabilityBody,
    Grant,
)
from grace.contracts.intent import ActionPlanned, ErrorCaptured, Measurement, Plan, PlannedAction
from grace.contracts.message import Message
from grace.contracts.verification import Contract
from grace.kit import Keys, Runtime, new_id
from grace.testkit import House, eventually
from grace.testkit.consents import OWN, Consenting
from grace.testkit.permits import Permits
from grace.worker.domain.state import digest

LEASE = timedelta(seconds=5)
TIMEOUT_MS = 1500
_HTM = {
    "lease": LEASE,
    "rescue_interval": timedelta(milliseconds=200),
    "retry_first": timedelta(milliseconds=50),
}
_OF_THE_HANDS = {
    "worker": {"LONGEST_OPERATION": "PT3S", "BEAT_INTERVAL": "PT1S"},
    "verification": {
        "CLAIM_FOR": "PT1S", "POLL_INTERVAL": "PT0.3S", "RECALL_AFTER": "PT2S",
        "TASK_ATTEMPTS": "5",
    },
}  # fmt: skip


class Cast:
    """Who plans, who permits, and the hands that are killed."""

    def __init__(
        self, house: House, stage: Stage, hands: Hands, intent: Runtime, governance: Runtime
    ) -> None:
        self.house = house
        self.stage = stage
        self.hands = hands
        self._intent = intent
        self._governance = governance

    async def plan(self, prepared: Prepared) -> str:
        """Capture an error and plan the one action; returns the mission."""
        mission_id = f"mission-{new_id()}"
        plan = _plan(mission_id, prepared)
        data = plan.to_bytes()
        planned = ActionPlanned(
            mission_id=mission_id, tenant_id="default", plan_hash=digest(data.decode()), plan=data
        )
        await _publish(self._intent, _captured(mission_id, prepared.target), planned)
        return mission_id

    async def grant(self, mission_id: str) -> None:
        """Permit what was drafted, as soon as it is."""

        async def drafted() -> list[Any]:
            found = await self.house.rows(
                "verification",
                "SELECT c.contract, m.plan_hash FROM action_contracts c JOIN missions m"
                " USING (mission_id) WHERE mission_id = $1 ORDER BY sequence",
                mission_id,
            )
            return list(found)

        rows = await eventually(drafted, timeout=20)
        keys = self._governance.keys
        granted = ApprovalGranted(
            approval_id=f"approval-{new_id()}",
            mission_id=mission_id,
            tenant_id="default",
            plan_hash=rows[0]["plan_hash"],
            decided_by=("alice",),
            grants=tuple(grant_of(keys, Contract.from_bytes(row["contract"])) for row in rows),
            granted_at=datetime.now(UTC),
        )
        await _publish(self._governance, granted)


@asynccontextmanager
async def opened_cast(
    house: House, folder: Path, guard: Guard | None = None
) -> AsyncIterator[Cast]:
    """Identity and htm in this process, the target, and the hands beside; all of it ends with the block."""
    root = folder / FILES
    root.mkdir(parents=True, exist_ok=True)
    shop = Shop(house.installation, f"shop_{house.database}")
    async with house.running("identity", "htm", htm=_HTM):
        intent = await house.act_as("intent")
        permits, consenting = Permits(), Consenting()
        governance = await house.act_as("governance", permits.rpc)
        try:
            await shop.make()
            hands = Hands(_environments(house, shop, folder, root), folder, guard)
            cast = Cast(house, Stage(root, shop), hands, intent, governance)
            await permits.begin(governance)
            await consenting.begin(governance, OWN)
            try:
                yield cast
            finally:
                hands.kill()
                await permits.silence()
                await consenting.silence()
        finally:
            await shop.remove()


def _environments(house: House, shop: Shop, folder: Path, root: Path) -> dict[str, dict[str, str]]:
    targets = folder / "targets.toml"
    targets.write_text(shop.registration(folder / "target.password", root), encoding="utf-8")
    found = {}
    for service, changes in _OF_THE_HANDS.items():
        own = house.installation.environment(service, house.database)
        prefix = f"GRACE_{service.upper()}_"
        found[service] = {**own, **{f"{prefix}{name}": value for name, value in changes.items()}}
    found["worker"]["GRACE_WORKER_TARGETS_FILE"] = str(targets)
    return found


async def _publish(actor: Runtime, *messages: Message) -> None:
    async with actor.unit() as unit:
        for message in messages:
            unit.publish(message)


def _captured(mission_id: str, target: str) -> ErrorCaptured:
    now = datetime.now(UTC)
    return ErrorCaptured(
        mission_id=mission_id,
        tenant_id="default",
        signal_id=str(new_id()),
        fingerprint="f" * 64,
        source="torture",
        kind="torture.fault",
        target=target,
        message="something is wrong",
        severity="error",
        requested_by="admin",
        detected_at=now,
        captured_at=now,
    )


def _plan(mission_id: str, prepared: Prepared) -> Plan:
    now = datetime.now(UTC)
    operation, params = prepared.measurement
    action = PlannedAction(
        action_id=f"action-{new_id()}",
        sequence=0,
        operation=prepared.operation,
        kernel=prepared.operation.partition(".")[0],
        target=prepared.target,
        params=prepared.params,
        params_hash=digest(prepared.params),
        tier=2,
        reversible=prepared.reversible,
        timeout_ms=TIMEOUT_MS,
        expectations=(prepared.promise,),
        measurement=Measurement(
            operation=operation, target=prepared.target, params=params, timeout_ms=3000
        ),
    )
    return Plan(
        mission_id=mission_id,
        tenant_id="default",
        playbook="torture",
        playbook_version=1,
        kind="torture.fault",
        target=prepared.target,
        requested_by="admin",
        planned_at=now,
        detected_at=now,
        actions=(action,),
    )


def grant_of(keys: Keys, contract: Contract) -> Grant:
    """What governance signs for one contract."""
    return Grant(
        action_id=contract.action.action_id,
        contract_id=contract.contract_id,
        contract_hash=digest(contract.to_bytes().decode()),
        apply=_capability(keys, contract, "apply"),
        revert=_capability(keys, contract, "revert") if contract.action.reversible else None,
    )


def _capability(keys: Keys, contract: Contract, step: str) -> Capability:
    body = CapabilityBody(
        capability_id=f"capability-{new_id()}",
        mission_id=contract.mission_id,
        contract_id=contract.contract_id,
        action_id=contract.action.action_id,
        step=step,
        contract_hash=digest(contract.to_bytes().decode()),
        params_hash=contract.action.params_hash,
        operation=contract.action.operation,
        target=contract.action.target,
        tenant_id=contract.tenant_id,
        not_after=datetime.now(UTC) + timedelta(minutes=15),
    ).to_bytes()
    return Capability(
        key_id=keys.key_id, body=body, signature=keys.sign("grace/capability/v1", body)
    )
