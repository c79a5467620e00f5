"""Where the attacks happen: the whole loop on one file per mission, with intent played by the test."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
from nats.aio.client import Client

from grace.contracts.governance import Approval, Decide, GetApproval, ListApprovals
from grace.contracts.intent import (
    ActionPlanned,
    ErrorCaptured,
    Expectation,
    ExpectationComparison,
    Measurement,
    Plan,
    PlannedAction,
)
from grace.contracts.verification import GetMission
from grace.kit import Runtime, new_id
from grace.stack.ports import free_port
from grace.testkit import House, eventually
from grace.testkit.house import TESTER

T = TypeVar("T")

SERVICES = ("identity", "governance", "verification", "htm", "worker", "gateway")
REQUESTER = "admin"
# Who sends: the one who may publish anything, so that signatures alone decide, and users of the bus
# with the rights that they really have.
BUS = (TESTER, "outside", "gateway", "worker", "htm", "verification", "intent", "learning")
_TARGETS = '[targets.files]\nkind = "filesystem"\nenvironment = "demo"\nroot = "{}"\n'
_QUICK = {
    "htm": {"retry_first": timedelta(milliseconds=20), "retry_longest": timedelta(seconds=1)},
    "verification": {"poll_interval": timedelta(milliseconds=200)},
}


def sha256(data: bytes) -> str:
    """The hash as it is written everywhere."""
    return hashlib.sha256(data).hexdigest()


@dataclass
class Books:
    """What was tried, by its kind and by how it was answered."""

    tried: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)

    def note(self, kind: str, answer: str) -> None:
        """Count one attempt."""
        self.tried[kind] += 1
        self.answers[f"{kind}: {answer}"] += 1


@dataclass
class Stage:
    """The services, who plays whom, and what may have happened honestly."""

    house: House
    services: dict[str, Runtime]
    intent: Runtime
    root: Path
    url: str
    books: Books = field(default_factory=Books)
    honest: set[str] = field(default_factory=set)  # missions that were rightly granted
    clients: dict[str, Client] = field(default_factory=dict)
    random: Random = field(default_factory=Random)
    share: float = 1.0  # of each matrix that is tried

    def some(self, cases: Iterable[T]) -> list[T]:
        """The cases of a matrix in an order of the seed, or the share of them that is tried."""
        drawn = list(cases)
        self.random.shuffle(drawn)
        return drawn[: math.ceil(len(drawn) * self.share)]

    @property
    def gateway(self) -> Runtime:
        """Whose word governance takes for people's."""
        return self.services["gateway"]

    def anybody(self, user: str) -> Client:
        """A plain client of a user of the bus, with the rights that they really have."""
        return self.clients[user]

    async def pending(self, tier: int = 2) -> Approval:
        """A mission whose plan waits for people; its file is its own."""
        mission = f"mission-{new_id()}"
        (self.root / f"{mission}.log").write_text(f"the log of {mission}\n")
        async with self.intent.unit() as unit:
            unit.publish(captured(mission))
            unit.publish(planned(mission, tier))
        return await self.approval_of(mission)

    async def approval_of(self, mission: str) -> Approval:
        """The newest approval of a mission, with its contracts."""

        async def asked() -> Approval | None:
            page = await self.gateway.call(
                ListApprovals(tenant_id="default", limit=1, mission_id=mission)
            )
            return page.approvals[0] if page.approvals else None

        return await self.read(await eventually(asked, timeout=15))

    async def read(self, approval: Approval) -> Approval:
        """The approval as it stands."""
        return await self.gateway.call(
            GetApproval(tenant_id="default", approval_id=approval.approval_id)
        )

    async def decide(self, approval: Approval, who: str, **how: Any) -> Approval:
        """A ballot as the gateway brings it."""
        question = {
            "tenant_id": "default",
            "approval_id": approval.approval_id,
            "principal": who,
            "choice": "approve",
            "shown_hash": approval.shown_hash,
        }
        return await self.gateway.call(Decide(**question | how))

    async def grant(self, approval: Approval, *people: str) -> None:
        """Let people grant a plan rightly, and remember that it may run."""
        self.honest.add(approval.mission_id)
        for who in people:
            await self.decide(approval, who)

    async def ended(self, approval: Approval) -> str:
        """How a mission ended."""

        async def closed() -> str | None:
            found = await self.gateway.call(
                GetMission(tenant_id="default", mission_id=approval.mission_id)
            )
            return found.status if found.closed_at else None

        status: str = await eventually(closed, timeout=20)
        return status

    async def receipts(self) -> list[Any]:
        """Every effect that a worker began."""
        return await self.house.rows(
            "worker", "SELECT action_id, step, contract_id, task_id FROM effect_receipts"
        )

    async def missions_of_receipts(self) -> list[str]:
        """The mission of each effect."""
        rows = await self.receipts()
        known = await self.house.rows(
            "verification", "SELECT contract_id, mission_id FROM action_contracts"
        )
        missions = {row["contract_id"]: row["mission_id"] for row in known}
        return [missions.get(row["contract_id"], "of nobody") for row in rows]

    def touched(self) -> set[str]:
        """The missions whose file is no longer as it was made."""
        return {
            file.stem
            for file in self.root.glob("mission-*.log")
            if file.read_text() != f"the log of {file.stem}\n"
        }

    async def fingerprint(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that an attack would have to change to have had an effect."""
        found = {}
        for service, query in _STATE:
            rows = await self.house.rows(service, query)
            found[query] = sorted(tuple(row.values()) for row in rows)
        found["files"] = [(name,) for name in sorted(self.touched())]
        return found

    async def drained(self) -> None:
        """Wait until every consumer has read and acknowledged all that was sent to it."""
        client = await self.house.connect(TESTER)
        jetstream = client.jetstream()

        async def all_read() -> bool:
            for stream in ("EVENTS", "REPORTS", "INTAKE"):
                for each in await jetstream.consumers_info(stream):
                    behind = (each.num_pending or 0) + (each.num_ack_pending or 0)
                    if each.name.split("-")[0] in SERVICES and behind:
                        return False
            return True

        await eventually(all_read, timeout=60)


_STATE = (
    ("governance", "SELECT approval_id, status, version, decided_by::text FROM approval_requests"),
    ("governance", "SELECT approval_id, principal, choice FROM approval_votes"),
    ("governance", "SELECT tenant_id, principal, group_name, removed_at FROM approvers"),
    ("governance", "SELECT approval_id, delegated_by, delegated_to FROM approval_delegations"),
    ("governance", "SELECT review_id, status FROM approval_reviews"),
    ("governance", "SELECT version, allowed, reverts_allowed FROM permits"),
    ("verification", "SELECT contract_id, status FROM action_contracts"),
    ("verification", "SELECT mission_id, status FROM missions"),
    ("worker", "SELECT action_id, step, completed_at FROM effect_receipts"),
)


@asynccontextmanager
async def opened_stage(
    house: House, folder: Path, random: Random, share: float
) -> AsyncIterator[Stage]:
    """Run the services on a target of files."""
    root, port = folder / "files", free_port()
    root.mkdir(parents=True)
    targets = folder / "targets.toml"
    targets.write_text(_TARGETS.format(root))
    settings: dict[str, dict[str, Any]] = _QUICK | {
        "gateway": {"port": port, "rate_limit": 0, "admin_rate_limit": 0},
        "worker": {"targets_file": targets, "kernels": ("filesystem",)},
    }
    async with house.running(*SERVICES, **settings) as services:
        intent = await house.act_as("intent")
        url = f"http://127.0.0.1:{port}"
        stage = Stage(house, services, intent, root, url, random=random, share=share)
        for user in BUS:
            stage.clients[user] = await house.connect(user)
        await eventually(lambda: _answers(stage.url), timeout=20)
        yield stage


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        try:
            return (await client.get(f"{url}/health/ready")).status_code == 200
        except httpx.TransportError:
            return False


def captured(mission: str) -> ErrorCaptured:
    """What intent tells of an error."""
    now = datetime.now(UTC)
    return ErrorCaptured(
        mission_id=mission,
        tenant_id="default",
        signal_id=str(new_id()),
        fingerprint=sha256(mission.encode()),
        source="disk-watch",
        kind="log.too_large",
        target="files",
        message="a log is too large",
        severity="error",
        requested_by=REQUESTER,
        detected_at=now,
        captured_at=now,
    )


def planned(mission: str, tier: int, **changes: Any) -> ActionPlanned:
    """What intent plans: rotate the mission's own log."""
    now, params = datetime.now(UTC), json.dumps({"path": f"{mission}.log"})
    action = {
        "action_id": f"action-{mission}",
        "sequence": 0,
        "operation": "filesystem.rotate_log",
        "kernel": "filesystem",
        "target": "files",
        "params": params,
        "params_hash": sha256(params.encode()),
        "tier": tier,
        "reversible": True,
        "timeout_ms": 10_000,
        "expectations": (
            Expectation(field="files", comparison=ExpectationComparison.at_least, value=1.0),
        ),
        "measurement": Measurement(
            operation="filesystem.usage", target="files", params="{}", timeout_ms=30_000
        ),
    }
    plan = Plan(
        mission_id=mission,
        tenant_id="default",
        playbook="log-too-large",
        playbook_version=1,
        kind="log.too_large",
        target="files",
        requested_by=REQUESTER,
        planned_at=now,
        detected_at=now,
        actions=(PlannedAction(**action | changes),),
    ).to_bytes()
    return ActionPlanned(mission_id=mission, tenant_id="default", plan_hash=sha256(plan), plan=plan)
