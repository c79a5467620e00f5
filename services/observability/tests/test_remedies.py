"""Failed runs that do not end well: each says why, none hangs. The good end is in tests/e2e."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from grace.contracts.intent import GetIntent, Intent, IntentSubmit
from grace.contracts.observability import GetRemediation, Remediation, RemediationStats
from grace.contracts.verification import MissionClosed, MissionReopened
from grace.kit import Called, Rpc, Runtime
from grace.observability.loops import Follow, Submit
from grace.observability.settings import Settings
from grace.stack.demo import targets_file
from grace.testkit import House, eventually

from .conftest import Tell

KIND = "nobody.has_a_playbook"


@pytest.fixture
def registered(house: House) -> Iterator[str]:
    """A target that workers know and nobody ever asks."""
    nobody = {"user": "nobody", "password_file": "/nowhere"}
    entry: targets_file.Entry = {
        "kind": "postgres", "environment": "test", "host": "127.0.0.1", "port": 1,
        "database": "nothing", "act": nobody, "observe": nobody | {"user": "nobody-else"},
    }  # fmt: skip
    file = house.installation.targets_file
    targets_file.register(file, "quiet-db", entry)
    yield "quiet-db"
    targets_file.forget(file, "quiet-db")


async def _stats(gateway: Runtime) -> RemediationStats:
    return await gateway.call(GetRemediation(tenant_id="default", recent=10))


async def _reached(gateway: Runtime, status: str, run_id: str) -> Remediation | None:
    found = {each.run_id: each for each in (await _stats(gateway)).recent}
    return found[run_id] if found[run_id].status == status else None


async def test_a_remedy_that_ends_badly_is_a_failure_whoever_tells_of_it(
    house: House, tell: Tell, registered: str
) -> None:
    failed = {"status": "failed", "failure_kind": KIND, "target": registered}
    # Nobody follows but this test: what else is closed, the end of its mission has closed.
    seldom = {"follow_interval": timedelta(hours=1)}
    async with house.running("intent", "observability", "worker", observability=seldom) as started:
        runtime, gateway = started["observability"], await house.act_as("gateway")
        old = "2026-01-01T00:00:00Z"
        await tell("ended", "late", **failed, started_at=old, ended_at=old)
        late = await eventually(lambda: _reached(gateway, "skipped", "late"))
        assert "too late" in (late.reason or "")

        for _ in range(2):
            await tell("ended", **failed)
        opened = await eventually(lambda: _followed(runtime, gateway, "run-1"), timeout=15)
        (message,) = await house.messages(IntentSubmit.SUBJECT)
        submitted = IntentSubmit.from_bytes(message.data)
        assert (submitted.intent_id, submitted.kind) == (opened.remediation_id, KIND)
        assert (submitted.target, submitted.domain) == (registered, "nobody")

        await tell("ended", "run-2", **failed)
        second = await eventually(lambda: _reached(gateway, "open", "run-2"))
        asked = GetIntent(tenant_id="default", intent_id=second.remediation_id)
        intent = await eventually(lambda: gateway.call(asked), timeout=15)
        assert intent.mission_id == opened.mission_id  # the same trouble is one mission
        assert (await _stats(gateway)).open == 2

        await _reject(house, intent.mission_id)
        ended = await eventually(lambda: _reached(gateway, "failed", "run-1"))
        assert (ended.outcome, ended.reason) == ("rejected", "not on my watch")
        await eventually(lambda: _followed(runtime, gateway, "run-2", status="failed"))
        found = await _stats(gateway)
        assert (found.attempted, found.failed, found.verified, found.skipped) == (2, 2, 0, 1)
        assert found.success_rate == 0


async def _reject(house: House, mission_id: str) -> None:
    verification = await house.act_as("verification")
    await verification.report(
        MissionClosed(
            mission_id=mission_id, tenant_id="default", status="rejected",
            confidence=0.0, closed_at=datetime.now(UTC), reason="not on my watch",
        )
    )  # fmt: skip


async def _followed(
    runtime: Runtime, gateway: Runtime, run_id: str, *, status: str = "open"
) -> Remediation | None:
    await Follow(Settings()).tick(runtime)
    found = await _reached(gateway, status, run_id)
    return found if found and found.mission_id else None


async def test_what_nobody_answers_waits_and_ends_when_patience_does(
    house: House, tell: Tell
) -> None:
    patient, done = Settings(), Settings(remediation_patience=timedelta(microseconds=1))
    async with house.running("observability") as started:
        runtime, gateway = started["observability"], await house.act_as("gateway")
        await tell("ended", status="failed", failure_kind=KIND)
        await eventually(lambda: _reached(gateway, "due", "run-1"))
        await Submit(patient).tick(runtime)  # no worker answers
        assert (await _stats(gateway)).due == 1
        await Submit(done).tick(runtime)
        skipped = await _reached(gateway, "skipped", "run-1")
        assert skipped is not None
        assert "no worker" in (skipped.reason or "")

        await tell("ended", "run-2", status="failed", failure_kind=KIND)
        await eventually(lambda: _reached(gateway, "due", "run-2"))
        await house.rows(
            "observability",
            "UPDATE remediations SET status = 'open', submitted_at = now() WHERE run_id = 'run-2'",
        )
        await Follow(done).tick(runtime)  # silence is no news
        assert (await _stats(gateway)).open == 1
        async with house.running("intent"):
            await Follow(patient).tick(runtime)
            assert (await _stats(gateway)).open == 1
            await Follow(done).tick(runtime)
        lost = await _reached(gateway, "failed", "run-2")
        assert lost is not None
        assert lost.outcome == "not_taken_in"


async def test_a_fault_that_is_back_is_subtracted_whether_its_end_came_before_or_after(
    house: House,
) -> None:
    async with house.running("observability"):
        gateway, verification = await house.act_as("gateway"), await house.act_as("verification")
        now = datetime.now(UTC)
        await house.rows("observability", _OPENED)
        closed = [_closed(f"mission-{n}") for n in range(3)]
        await verification.report(closed[0])
        await verification.report(closed[1])
        await eventually(lambda: _reached(gateway, "verified", "run-0"))
        await eventually(lambda: _reached(gateway, "verified", "run-1"))
        for mission_id in ("mission-0", "mission-2", "mission-2", "mission-of-nobody"):
            await verification.report(_reopened(mission_id))
        back = await eventually(lambda: _reached(gateway, "failed", "run-0"))
        assert (back.outcome, back.reason) == ("reopened", "the fault is back 5 min later")
        await eventually(lambda: _reached(gateway, "failed", "run-2"))
        await verification.report(closed[2])
        early = _closed("mission-3", status="rejected", closed_at=now - timedelta(hours=1))
        await verification.report(early)  # it was submitted after that
        await verification.report(_closed("mission-3"))
        await eventually(lambda: _reached(gateway, "verified", "run-3"))
        found = await _stats(gateway)
    assert (found.attempted, found.verified, found.failed, found.open) == (4, 2, 2, 0)
    assert found.success_rate == 0.5


async def test_an_end_that_is_asked_for_and_was_taken_back_is_no_success(house: House) -> None:
    now = datetime.now(UTC)

    async def answer(call: Called[GetIntent], _: Runtime) -> Intent:
        return Intent(
            intent_id=call.body.intent_id, tenant_id="default", goal="g", domain="d", kind="k",
            priority="high", sla_ms=1, requested_by="observability", status="verified",
            mission_id=call.body.intent_id, accepted_at=now, sla_deadline=now, closed_at=now,
            reopened_at=now if call.body.intent_id == "remediation-0" else None,
        )  # fmt: skip

    await house.act_as("intent", Rpc().direct(GetIntent, answer))
    observability = await house.act_as("observability")
    await house.rows("observability", _OPENED)
    await Follow(Settings()).tick(observability)
    rows = await house.rows("observability", "SELECT outcome FROM remediations ORDER BY run_id")
    assert [row["outcome"] for row in rows] == ["reopened", *["verified"] * 3]


_OPENED = """
INSERT INTO remediations (
       remediation_id, tenant_id, run_id, suite, kind, target, status, failed_at, submitted_at, mission_id)
SELECT 'remediation-' || n, 'default', 'run-' || n, 's', 'k', 't', 'open', now(), now(), 'mission-' || n
  FROM generate_series(0, 3) AS n
"""


def _closed(
    mission_id: str, *, status: str = "verified", closed_at: datetime | None = None
) -> MissionClosed:
    return MissionClosed(
        mission_id=mission_id, tenant_id="default", status=status, confidence=1.0,
        closed_at=closed_at or datetime.now(UTC),
    )  # fmt: skip


def _reopened(mission_id: str) -> MissionReopened:
    return MissionReopened(
        mission_id=mission_id, tenant_id="default", contract_id="contract-1", revision=2,
        reason="the fault is back 5 min later", reopened_at=datetime.now(UTC),
    )  # fmt: skip
