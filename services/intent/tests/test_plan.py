"""Captured errors get their plan from a playbook, or the reason why there is none."""

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from grace.contracts.intent import (
    ActionPlanned,
    ErrorDetected,
    ExpectationComparison,
    Plan,
    PlanningBlocked,
    RecallMission,
)
from grace.contracts.verification import ActionClosed
from grace.intent import loops
from grace.intent.settings import Settings
from grace.testkit import House, eventually

MakeError = Callable[..., ErrorDetected]
Report = Callable[..., Awaitable[None]]


def _shipped(name: str) -> str:
    return (Path(loops.__file__).parents[1] / "playbooks" / f"{name}.yaml").read_text()


async def _intent(house: House, status: str, *, mission: int = 0) -> asyncpg.Record:
    """Wait until a mission (counted from 0) has this status; return its row."""

    async def there() -> asyncpg.Record | None:
        rows = await house.rows("intent", "SELECT * FROM missions ORDER BY captured_at")
        return rows[mission] if rows[mission]["status"] == status else None

    found: asyncpg.Record = await eventually(there)
    return found


async def _told(house: House, subject: str, wanted: int = 1) -> list[bytes]:
    async def enough() -> bool:
        return len(await house.messages(subject)) >= wanted

    await eventually(enough)
    return [message.data for message in await house.messages(subject)]


async def test_blocked_sessions_get_a_plan_whose_bytes_are_pinned_by_its_hash(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    hostile = {"min_idle_seconds": 0, "params": {"pid": 1}, "target": "other"}
    error = make_error(
        kind="postgres.blocked_sessions", target="shop", message='{"pid": 1}', details=hostile
    )
    async with house.running("intent", "worker", worker=with_target):
        await report(error)
        row = await _intent(house, "planned")
        (data,) = await _told(house, ActionPlanned.SUBJECT)
        verification = await house.act_as("verification")
        again = await verification.call(RecallMission(mission_id=row["mission_id"]))
    told = ActionPlanned.from_bytes(data)
    assert told.plan_hash == sha256(told.plan).hexdigest() == row["plan_hash"]
    assert told.plan == row["plan"]
    assert again.planned == told
    plan = Plan.from_bytes(told.plan)
    assert plan.to_bytes() == told.plan
    assert (plan.playbook, plan.playbook_version) == ("postgres-blocked-sessions", 1)
    assert (plan.kind, plan.target, plan.requested_by) == (error.kind, "shop", "admin")
    assert plan.detected_at == row["detected_at"]
    (action,) = plan.actions
    assert (action.operation, action.kernel, action.target, action.tier) == (
        "postgres.terminate_blockers", "postgres", "shop", 2,
    )  # fmt: skip
    assert action.params == '{"min_idle_seconds":1}'
    assert action.params_hash == sha256(action.params.encode()).hexdigest()
    assert (action.measurement.operation, action.measurement.target) == (
        "postgres.activity",
        "shop",
    )
    assert json.loads(action.measurement.params) == {"seconds": 4, "warmup_seconds": 1}
    assert [(each.field, each.comparison, each.value) for each in action.expectations] == [
        ("waiting", ExpectationComparison.at_most, 0),
        ("throughput", ExpectationComparison.ratio_of_baseline_at_least, 0.8),
        ("error_rate", ExpectationComparison.above_baseline_at_most, 0.05),
    ]


async def test_runaway_queries_get_a_reversible_plan(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=with_target):
        await report(make_error(kind="postgres.runaway_query", target="shop"))
        (data,) = await _told(house, ActionPlanned.SUBJECT)
    (action,) = Plan.from_bytes(ActionPlanned.from_bytes(data).plan).actions
    assert (action.operation, action.tier, action.reversible) == (
        "postgres.set_database_setting", 2, True,
    )  # fmt: skip
    assert json.loads(action.params) == {"name": "statement_timeout", "value": "5ms"}


async def test_an_error_that_no_playbook_answers_is_blocked_and_can_be_recalled(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        await report(make_error())
        row = await _intent(house, "blocked")
        (data,) = await _told(house, PlanningBlocked.SUBJECT)
        verification = await house.act_as("verification")
        again = await verification.call(RecallMission(mission_id=row["mission_id"]))
    blocked = PlanningBlocked.from_bytes(data)
    assert (
        blocked.reason
        == row["reason"]
        == (
            "no playbook answers thing.broken; domain postgres has one for "
            "postgres.autovacuum_off, postgres.blocked_sessions, postgres.runaway_query; "
            "domain sqlite has one for sqlite.log_grows"
        )
    )
    assert (again.blocked, again.planned) == (blocked, None)


async def test_a_target_that_nobody_registered_is_blocked_with_the_reason(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent", "worker", worker=with_target):
        await report(make_error(kind="postgres.runaway_query", target="elsewhere"))
        row = await _intent(house, "blocked")
        assert not await house.messages(ActionPlanned.SUBJECT)
    assert "elsewhere is not a registered target" in row["reason"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("postgres.set_database_setting", "postgres.drop_database", "is not an operation"),
        ("{seconds: 4, warmup_seconds: 1}", "{seconds: four}", "postgres.activity: "),
        ("postgres.activity\n      params: {seconds: 4, warmup_seconds: 1}",
         "postgres.set_database_setting\n      params: {name: statement_timeout, value: 5ms}",
         "it does not only observe, so it cannot measure"),
    ],
)  # fmt: skip
async def test_a_playbook_that_cannot_run_or_cannot_be_measured_is_blocked(
    *,
    house: House,
    report: Report,
    make_error: MakeError,
    with_target: dict[str, Any],
    own_playbooks: Path,
    old: str,
    new: str,
    reason: str,
) -> None:
    text = _shipped("postgres-runaway-queries").replace("version: 1", "version: 2")
    (own_playbooks / "mine.yaml").write_text(text.replace(old, new))
    own = {"playbook_dir": own_playbooks}
    async with house.running("intent", "worker", worker=with_target, intent=own):
        await report(make_error(kind="postgres.runaway_query", target="shop"))
        row = await _intent(house, "blocked")
    assert reason in row["reason"]


_PLAN = """\
    verification:
      - name: page
        kind: http
        source: web
        path: /health
        count: 3
        interval: 10s
        expectations:
          - {field: ok, comparison: at_least, value: 1}
      - name: late
        kind: sql
        query: SELECT count(*) AS n FROM shop.orders
        dry_run: true
"""


async def test_a_verification_plan_is_in_the_plan_once_its_source_is_allowed(
    house: House,
    report: Report,
    make_error: MakeError,
    with_target: dict[str, Any],
    own_playbooks: Path,
) -> None:
    text = _shipped("postgres-runaway-queries").replace("postgres-runaway-queries", "mine")
    text = text.replace("version: 1", "version: 2", 1).replace('"postgres.runaway_query"', '"mine"')
    (own_playbooks / "mine.yaml").write_text(text.rstrip() + "\n" + _PLAN)
    sources = own_playbooks.parent / "sources.toml"
    sources.write_text("")
    names = ("intent", "worker", "verification")
    own = {"intent": {"playbook_dir": own_playbooks}, "verification": {"sources_file": sources}}
    async with house.running(*names, worker=with_target, **own):
        await report(make_error(kind="mine", target="shop"))
        # verification hears of it and closes the mission, which may be before anybody looks.
        blocked = await _intent(house, "closed")
        assert blocked["blocked_at"] is not None
        assert "measure page: http.get: web is not a source" in blocked["reason"]
        sources.write_text('[sources.web]\nkind = "http"\nurl = "http://shop.internal"\n')
        await report(make_error(kind="mine", target="shop"))
        planned = await _intent(house, "planned", mission=1)
    (action,) = Plan.from_bytes(planned["plan"]).actions
    page, late = action.measures
    assert (page.measurement.operation, page.measurement.target) == ("http.get", "web")
    assert (page.count, page.interval_ms, page.successes_at_least) == (3, 10_000, 3)
    assert (late.measurement.operation, late.measurement.target) == ("postgres.query", "shop")
    assert late.dry_run


async def test_while_no_worker_answers_the_plan_is_owed_with_a_visible_reason(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    async with house.running("intent"):
        await report(make_error(kind="postgres.runaway_query", target="shop"))

        async def tried_twice() -> asyncpg.Record | None:
            row = await _intent(house, "captured")
            return row if row["plan_attempt"] >= 2 and row["reason"] else None

        row = await eventually(tried_twice)
        assert row["reason"] == "postgres-runaway-queries: nobody answers rpc.worker.validate"
        assert row["plan_after"] - row["captured_at"] > timedelta(seconds=2)
        async with house.running("worker", worker=with_target):
            row = await eventually(lambda: _intent(house, "planned"), timeout=15)
            assert row["reason"] is None


async def test_replicas_plan_each_mission_once(
    house: House, report: Report, make_error: MakeError, with_target: dict[str, Any]
) -> None:
    errors = [make_error(kind="postgres.runaway_query", target=f"t-{n}") for n in range(40)]
    errors += [make_error(kind=f"thing.broken-{n}") for n in range(40)]
    async with (
        house.running("intent", "worker", worker=with_target, intent={"plan_batch": 7}),
        house.running("intent", intent={"plan_batch": 7}),
    ):
        await report(*errors)
        told = await _told(house, PlanningBlocked.SUBJECT, 80)
        rows = await house.rows("intent", "SELECT * FROM missions WHERE status = 'blocked'")
    missions = [PlanningBlocked.from_bytes(each).mission_id for each in told]
    assert sorted(missions) == sorted(row["mission_id"] for row in rows)
    assert len(set(missions)) == len(missions) == 80


async def test_a_rule_that_an_operator_disabled_stays_disabled(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent"):
        await eventually(lambda: _loaded(house))
    role = await house.role("intent")
    await role.execute(
        "UPDATE intent.trigger_rules SET enabled = false WHERE playbook = 'postgres-runaway-queries'"
    )
    await role.close()
    async with house.running("intent"):
        await report(make_error(kind="postgres.runaway_query", target="shop"))
        row = await _intent(house, "blocked")
    assert row["reason"] == (
        "no playbook answers postgres.runaway_query; domain postgres has one for "
        "postgres.autovacuum_off, postgres.blocked_sessions; "
        "domain sqlite has one for sqlite.log_grows"
    )


async def test_nothing_is_decided_before_the_playbooks_are_loaded(
    house: House, report: Report, make_error: MakeError
) -> None:
    async with house.running("intent", intent={"plan_interval": timedelta(hours=1)}) as s:
        settings = s["intent"].settings
        assert isinstance(settings, Settings)
        assert not await loops.Plan(settings, loops.LoadPlaybooks(settings)).tick(s["intent"])


async def test_of_two_equal_playbooks_the_one_with_the_better_record_is_taken(
    house: House,
    report: Report,
    make_error: MakeError,
    with_target: dict[str, Any],
    own_playbooks: Path,
) -> None:
    (own_playbooks / "z.yaml").write_text(
        _shipped("postgres-runaway-queries").replace("postgres-runaway-queries", "z-proven")
    )
    own = {"playbook_dir": own_playbooks}
    error = {"kind": "postgres.runaway_query", "target": "shop"}
    async with house.running("intent", "worker", worker=with_target, intent=own):
        await report(make_error(**error))
        row = await _intent(house, "planned")
        assert row["playbook"] == "postgres-runaway-queries"
        async with house.running("learning"):
            verification = await house.act_as("verification")
            await verification.report(_healed("z-proven"))
            await eventually(lambda: house.messages("learning.playbook.scored"))
            role = await house.role("intent")
            await role.execute(
                "UPDATE intent.missions SET status = 'closed', outcome = 'failed', closed_at = now()"
            )
            await role.close()
            await report(make_error(**error))
            row = await _intent(house, "planned", mission=1)
            assert row["playbook"] == "z-proven"


async def _loaded(house: House) -> bool:
    return len(await house.rows("intent", "SELECT FROM trigger_rules")) > 1


def _healed(playbook: str) -> ActionClosed:
    return ActionClosed(
        mission_id="mission-0",
        tenant_id="default",
        contract_id="contract-0",
        revision=1,
        playbook=playbook,
        playbook_version=1,
        operation="postgres.set_database_setting",
        target="shop",
        verdict="verified",
        confidence=1.0,
        executed=True,
        closed_at=datetime.now(UTC),
    )
