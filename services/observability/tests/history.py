"""Events that the cube is loaded from, as their owners tell them; different where a test says so."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from grace.contracts.governance import ApprovalGranted, ApprovalRejected, ApprovalRequested
from grace.contracts.htm import FinishedTask, TasksFinished
from grace.contracts.intent import ActionPlanned, ErrorCaptured
from grace.contracts.message import Message
from grace.contracts.verification import ActionClosed
from grace.testkit import House

NOW = datetime.now(UTC)
NOON = NOW.replace(hour=12, minute=30, second=0, microsecond=0) - timedelta(days=2)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def captured(name: str, **other: Any) -> ErrorCaptured:
    facts = {
        "mission_id": f"mission-{name}", "tenant_id": "default", "signal_id": f"signal-{name}",
        "fingerprint": "f" * 64, "source": "pg-watch", "kind": "thing.broken", "target": "shop-db",
        "message": "it is broken", "severity": "error", "requested_by": "pg-watch",
        "detected_at": NOON, "captured_at": NOON,
    }  # fmt: skip
    return ErrorCaptured(**(facts | other))


def planned(name: str, playbook: str = "mend-it", actions: int = 1) -> ActionPlanned:
    operations = ["thing.mend", *["thing.turn"] * (actions - 1)]
    plan = {"playbook": playbook, "actions": [{"operation": each} for each in operations]}
    return ActionPlanned(
        mission_id=f"mission-{name}", tenant_id="default", plan_hash="0" * 64,
        plan=json.dumps(plan).encode(),
    )  # fmt: skip


def closed(name: str, verdict: str = "verified", **other: Any) -> ActionClosed:
    facts = {
        "mission_id": f"mission-{name}", "tenant_id": "default", "contract_id": f"contract-{name}",
        "revision": 1, "playbook": "mend-it", "playbook_version": 1, "operation": "thing.mend",
        "target": "shop-db", "verdict": verdict, "confidence": 1.0 if verdict == "verified" else 0.0,
        "executed": verdict == "verified", "closed_at": NOON,
    }  # fmt: skip
    return ActionClosed(**(facts | other))


def asked(name: str, tenant: str = "default") -> ApprovalRequested:
    return ApprovalRequested(
        approval_id=f"approval-{name}", mission_id=f"mission-{name}", tenant_id=tenant, tier=2,
        quorum=1, requested_by="pg-watch", shown_hash="0" * 64, expires_at=NOW + DAY,
    )  # fmt: skip


def granted(name: str, *people: str, tenant: str = "default") -> ApprovalGranted:
    return ApprovalGranted(
        approval_id=f"approval-{name}", mission_id=f"mission-{name}", tenant_id=tenant,
        plan_hash="0" * 64, decided_by=people, granted_at=NOW,
    )  # fmt: skip


def rejected(name: str) -> ApprovalRejected:
    return ApprovalRejected(
        approval_id=f"approval-{name}", mission_id=f"mission-{name}", tenant_id="default",
        decided_by=("bob",), reason="not today",
    )  # fmt: skip


def finished(
    *tasks: tuple[str, str, int, int | None], origin: str | None = "intent"
) -> TasksFinished:
    return TasksFinished(
        tasks=tuple(
            FinishedTask(
                task_id=f"task-{number}", outcome=outcome, type=operation, attempts=attempts,
                total_ms=took, origin=origin,
            )
            for number, (operation, outcome, attempts, took) in enumerate(tasks)
        )
    )  # fmt: skip


async def tell(house: House, service: str, *messages: Message, tenant: str = "default") -> None:
    runtime = await house.act_as(service)
    async with runtime.unit() as unit:
        for message in messages:
            unit.publish(message, tenant=tenant)
