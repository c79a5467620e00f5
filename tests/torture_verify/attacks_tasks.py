"""Tasks that change something without leave: every flaw of a capability, each step, each way in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from torture_verify.attacks_stage import Stage, sha256

from grace.contracts.governance import Approval, Capability, CapabilityBody
from grace.contracts.htm import SubmitTasks, TaskSpec, TaskSubmit
from grace.contracts.verification import Contract
from grace.kit import Keys, new_id
from grace.testkit import eventually

KIND = "grace/capability/v1"
STEPS = ("apply", "revert")
WAYS = ("verification", "gateway", "outside")
_FINAL = ("succeeded", "failed", "cancelled", "expired", "dead_letter", "needs_attention")
_OTHERS: Mapping[str, str] = {
    "action_id": "action-other",
    "contract_id": "contract-00000000000000aa-1795176000",
    "operation": "filesystem.clear_pycache",
    "target": "bank",
    "tenant_id": "shop",
    "params_hash": "0" * 64,
}


async def without_leave(stage: Stage, victim: Approval, spent: Approval) -> None:
    """Submit every combination, wait until each task has ended, and note how."""
    keys: dict[str, str] = {}
    flaws = [
        *list(_flaws(stage, victim)),
        ("of an action that is done", await _granted(stage, spent)),
    ]
    for (flaw, capability), step, way in stage.some(product(flaws, STEPS, WAYS)):
        spec = _spec(victim, step, capability)
        keys[await _submit(stage, way, spec)] = f"capability {flaw}"
    await _wait(stage, keys)


async def spent_again(stage: Stage, spent: Approval) -> None:
    """The capabilities of a done action: what is done is answered, and is not undone any more."""
    await stage.drained()  # the worker has heard that the contract is closed
    keys: dict[str, str] = {}
    for way, step in product(WAYS, STEPS):
        spec = _spec(spent, step, await _granted(stage, spent, step))
        keys[await _submit(stage, way, spec)] = f"reused grant to {step}"
    await _wait(stage, keys)


def _flaws(stage: Stage, victim: Approval) -> Iterator[tuple[str, Capability | None]]:
    """Capabilities for the victim's action that must not open anything. No key of governance is
    used: an attacker has none.
    """
    own = stage.services["verification"].keys
    right = _body(victim)
    signed = _signed(own, right)
    yield "none", None
    yield "signed by verification", signed
    yield "signed by the gateway", _signed(stage.gateway.keys, right)
    yield "signed by the worker", _signed(stage.services["worker"].keys, right)
    yield "without signature", signed.model_copy(update={"signature": b""})
    yield "with zeros for a signature", signed.model_copy(update={"signature": bytes(64)})
    yield "under governance's name", signed.model_copy(update={"key_id": _governance(stage)})
    yield "under an unknown key", signed.model_copy(update={"key_id": "nobody"})
    yield "that is no capability", signed.model_copy(update={"body": b"{}"})
    for field, value in _OTHERS.items():
        yield f"of another {field}", _signed(own, right.model_copy(update={field: value}))
    late = right.model_copy(update={"not_after": datetime.now(UTC) - timedelta(seconds=1)})
    yield "that has expired", _signed(own, late)


async def _granted(stage: Stage, spent: Approval, step: str = "apply") -> Capability:
    """The real capability of a mission that was granted and done."""
    rows = await stage.house.rows(
        "verification",
        "SELECT apply_capability, revert_capability FROM action_contracts WHERE mission_id = $1",
        spent.mission_id,
    )
    return Capability.from_bytes(rows[0][f"{step}_capability"])


def _governance(stage: Stage) -> str:
    return stage.services["governance"].keys.key_id


def _signed(keys: Keys, body: CapabilityBody) -> Capability:
    data = body.to_bytes()
    return Capability(key_id=keys.key_id, body=data, signature=keys.sign(KIND, data))


def _contract(approval: Approval) -> Contract:
    return Contract.from_bytes(approval.contracts[0].encode())


def _body(victim: Approval) -> CapabilityBody:
    contract = _contract(victim)
    return CapabilityBody(
        capability_id=f"capability-{new_id()}",
        mission_id=contract.mission_id,
        contract_id=contract.contract_id,
        action_id=contract.action.action_id,
        step="apply",
        contract_hash=sha256(victim.contracts[0].encode()),
        params_hash=contract.action.params_hash,
        operation=contract.action.operation,
        target=contract.action.target,
        tenant_id="default",
        not_after=datetime.now(UTC) + timedelta(minutes=15),
    )


def _spec(victim: Approval, step: str, capability: Capability | None) -> TaskSpec:
    contract = _contract(victim)
    values: dict[str, Any] = {
        "key": f"attack-{new_id()}",
        "type": f"filesystem.rotate_log.{step}",
        "kernel": "filesystem",
        "origin": "verification",
        "operation": contract.action.operation,
        "step": step,
        "target": "files",
        "params": json.dumps({"path": f"{victim.mission_id}.log"}),
        "priority": 0,
        "timeout_ms": 10_000,
        "max_attempts": 1,
        "sla_ms": 60_000,
        "tenant_id": "default",
        "action_id": contract.action.action_id,
        "contract_id": contract.contract_id,
        "mission_id": contract.mission_id,
        "capability": capability,
    }
    return TaskSpec(**values)


async def _submit(stage: Stage, way: str, spec: TaskSpec) -> str:
    """Hand a task in; returns the key under which htm keeps it."""
    if way == "outside":
        body = TaskSubmit(tasks=(spec,)).to_bytes()
        await stage.anybody("outside").publish(TaskSubmit.SUBJECT, body)
        return f"outside/{spec.key}"
    await stage.services[way].call(SubmitTasks(tasks=(spec,)))
    return spec.key


async def _wait(stage: Stage, keys: Mapping[str, str]) -> None:
    async def ended() -> list[Any] | None:
        rows = await stage.house.rows(
            "htm",
            "SELECT k.key, t.status FROM htm_task_keys k JOIN htm_tasks t ON t.id = k.task_id"
            " WHERE k.key = ANY ($1)",
            list(keys),
        )
        final = [row for row in rows if row["status"] in _FINAL]
        return final if len(final) == len(keys) else None

    for row in await eventually(ended, timeout=60):
        stage.books.note(keys[row["key"]], row["status"])
