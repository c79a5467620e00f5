"""A stress run fails; Grace heals what failed it, once, with a second person's consent."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from faults import files
from faults.files import HEALED, TARGET
from faults.story import approve, patiently

from grace.client import Grace
from grace.contracts.observability import (
    CubeSelection,
    Dashboard,
    GetCubeFunnel,
    GetRemediation,
    RemediationStats,
)
from grace.contracts.permissions import OUTSIDE
from grace.kit import Runtime
from grace.stack.ports import free_port
from grace.testkit import House, eventually

SUITE = "shop-load"
# What the mission's services told each other, from its plan to its end.
STEPS = (
    "agentic.action_planned", "verification.contract.drafted", "approval.requested",
    "approval.granted", "agentic.action_executing", "verification.action.closed",
    "agentic.problem_resolved",
)  # fmt: skip


@asynccontextmanager
async def people(house: House, port: int) -> AsyncIterator[tuple[Grace, Grace]]:
    """An operator, and a second person who may approve."""
    url = f"http://127.0.0.1:{port}"
    token = house.installation.admin_key_file.read_text(encoding="utf-8").strip()
    async with Grace(url, token) as admin:
        key = await patiently(lambda: admin.make_key("bob", ["approvals:read", "approvals:decide"]))
        async with Grace(url, key.token) as bob:
            yield admin, bob


async def tell_of_run(house: House, run_id: str, **changes: object) -> None:
    """What a runner outside publishes at the end of a run: plain JSON on plain NATS."""
    now = datetime.now(UTC)
    body = {
        "run_id": run_id, "suite": SUITE, "target": TARGET, "status": "passed",
        "started_at": (now - timedelta(minutes=1)).isoformat(), "ended_at": now.isoformat(),
        "requests": 1000, "errors": 0, "p99_ms": 40.0,
    } | changes  # fmt: skip
    data = json.dumps(body).encode()
    await house.publish_raw(user=OUTSIDE, subject="telemetry.stress.ended", body=data)


async def stats(gateway: Runtime) -> RemediationStats:
    return await gateway.call(GetRemediation(tenant_id="default", recent=10))


async def correlations(house: House) -> list[set[str]]:
    """Under which correlation ids each step was told, as each was."""
    told = [
        {message.headers["correlation-id"] for message in await house.messages(subject)}
        for subject in STEPS
    ]
    assert all(told)
    return told


async def outcomes(admin: Grace) -> Any:
    return (await admin.learning_summary()).playbooks


def settings(port: int, playbooks: Path) -> dict[str, dict[str, Any]]:
    return {
        "gateway": {"port": port},
        "intent": {"playbook_dir": playbooks},
        "observability": {"resolve_after": timedelta(0), "cube_interval": timedelta(seconds=1)},
        # Unknown is whose first beat came before observability listened, until its next one.
        "worker": {"beat_interval": timedelta(seconds=1)},
    }


@pytest.mark.timeout(120)
async def test_a_failed_stress_run_is_remedied_once_and_verified(
    house: House, tmp_path: Path
) -> None:
    root, playbooks = tmp_path / "root", tmp_path / "books"
    files.prepare(root, playbooks, house.installation.targets_file, HEALED)
    port = free_port()
    async with (
        house.running(*house.installation.names, **settings(port, playbooks)),
        people(house, port) as (admin, bob),
    ):
        gateway = await house.act_as("gateway")
        why = {"status": "failed", "errors": 900, "failure_kind": HEALED.kind}
        for _ in range(2):  # the same run told twice is one remediation
            await tell_of_run(house, "run-1", **why)
        more = why | {"suite": "other-load", "target": "nobody-knows"}
        await tell_of_run(house, "run-0", **more)
        await approve(bob)
        found = await eventually(lambda: settled(gateway), timeout=60)
        assert HEALED.is_over(root)

        assert (found.attempted, found.verified, found.failed, found.open) == (1, 1, 0, 0)
        assert (found.due, found.skipped, found.success_rate) == (0, 1, 1.0)
        remedied = {each.run_id: each for each in found.recent}
        assert (remedied["run-1"].status, remedied["run-1"].outcome) == ("verified", "verified")
        assert "nobody-knows" in (remedied["run-0"].reason or "")

        mission = await admin.mission(remedied["run-1"].mission_id or "")
        assert (mission.status, mission.confidence) == ("verified", 1.0)
        assert (mission.kind, mission.requested_by) == (HEALED.kind, "observability")
        assert len(await house.messages("intent.submit")) == 1
        assert len(set().union(*await correlations(house))) == 1
        learnt = await eventually(lambda: outcomes(admin))
        assert [(each.successful_executions, each.total_executions) for each in learnt] == [(1, 1)]

        steps = await eventually(lambda: in_the_cube(gateway), timeout=15)
        assert list(steps) == ["captured", "decided", "granted", "acted", "executed", "verified"]
        assert set(steps.values()) == {1}

        await eventually(lambda: shows(admin, status="degraded", score=90.0, alerts=2))
        await tell_of_run(house, "run-2")
        await tell_of_run(house, "run-3", suite="other-load")
        page = await eventually(lambda: shows(admin, status="healthy", score=100.0, alerts=0))
        assert {each.name for each in page.services} == set(house.installation.names)
        assert {each.status for each in page.components} == {"not_configured"}
        assert page.remediation.verified == 1
        assert {suite.suite: suite.failed for suite in page.stress} == {SUITE: 1, "other-load": 1}


async def settled(gateway: Runtime) -> RemediationStats | None:
    found = await stats(gateway)
    return found if found.verified + found.failed and not found.due else None


async def in_the_cube(gateway: Runtime) -> dict[str, int] | None:
    """How far missions came that observability's own intents opened, once one is verified there."""
    now = datetime.now(UTC)
    selection = CubeSelection(
        tenant_id="default", fact="action", from_time=now - timedelta(hours=1), to_time=now,
        service=TARGET, origin="intent",
    )  # fmt: skip
    found = await gateway.call(GetCubeFunnel(selection=selection))
    steps = {each.name: each.missions for each in found.steps}
    return steps if steps["verified"] else None


async def shows(admin: Grace, *, status: str, score: float, alerts: int) -> Dashboard | None:
    """The page as REST shows it."""
    page = await admin.dashboard()
    fits = (page.status, page.health_score, page.open_alerts) == (status, score, alerts)
    return page if fits else None
