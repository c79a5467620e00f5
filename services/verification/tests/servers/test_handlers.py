"""Events come twice, late and out of order; requests are answered; what cannot be true is refused."""

from __future__ import annotations

import asyncio
import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from grace.contracts.governance import ApprovalExpired, ApprovalRejected, ApprovalRequested
from grace.contracts.htm import FinishedTask, TasksFinished
from grace.contracts.intent import PlanningBlocked
from grace.contracts.message import Message
from grace.contracts.verification import (
    Contract,
    ContractDrafted,
)
from grace.contracts.worker import SecretRefused
from grace.kit import new_id
from grace.testkit import eventually
from grace.verification.domain.contract import Measure
from grace.verification.domain.state import digest
from grace.verification.handlers.blocked import block
from grace.verification.handlers.outcome import Ignored
from grace.verification.store.timeline import Source

if TYPE_CHECKING:
    from conftest import Play


def new_mission() -> str:
    return f"mission-{new_id()}"


def decisions(mission_id: str) -> dict[str, Message]:
    ids = {"approval_id": "approval-1", "mission_id": mission_id, "tenant_id": "default"}
    now = datetime.now(UTC)
    return {
        "requested": ApprovalRequested(
            **ids, tier=2, quorum=1, requested_by="admin", shown_hash="ab", expires_at=now
        ),
        "rejected": ApprovalRejected(**ids, decided_by=("bob",), reason="no"),
        "expired": ApprovalExpired(**ids, expired_at=now),
    }


async def quarantined(play: Play) -> list[str]:
    rows = await play.house.rows("verification", "select reason from quarantine")
    return [row["reason"] for row in rows]


async def test_a_refused_secret_is_in_the_missions_story(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id))
        await eventually(lambda: play.timeline(mission_id))
        refused = SecretRefused(
            tenant_id="default",
            secret="shop-ops",
            operation="postgres.query",
            step="apply",
            target="shop-db",
            target_class="postgres",
            reason="secret shop-ops has no consent",
            refused_at=datetime.now(UTC),
            mission_id=mission_id,
        )
        for _ in range(2):
            await play.publish("worker", refused)

        async def told() -> list[str]:
            lines = await play.timeline(mission_id)
            return [line.summary for line in lines if line.subject == SecretRefused.SUBJECT]

        (line, *_) = await eventually(told)
        assert line == "apply refused: secret shop-ops has no consent"


async def test_a_plan_drafts_a_contract_with_the_baseline_from_before_the_incident(
    play: Play,
) -> None:
    async with play.open():
        older = await play.baseline()
        await play.baseline(params='{"seconds":60}')  # another measurement with the same fields
        detected_at = datetime.now(UTC)
        await play.baseline()
        mission_id = new_mission()
        planned = play.planned(mission_id, detected_at=detected_at)
        await play.publish("intent", play.captured(mission_id), planned)
        (told,) = await eventually(lambda: play.told("verification.contract.drafted"))
        drafted = ContractDrafted.from_bytes(json.dumps(told).encode())
        (draft,) = drafted.contracts
        contract = Contract.from_bytes(draft.contract)
        assert draft.contract_hash == digest(draft.contract)
        assert contract.contract_id == draft.contract_id
        assert contract.plan_hash == drafted.plan_hash == planned.plan_hash
        assert contract.baseline_id == older
        assert {each.field for each in contract.baseline} == {"waiting", "throughput", "error_rate"}
        (row,) = await play.house.rows("verification", "select * from action_contracts")
        assert row["contract"] == draft.contract
        assert row["status"] == "drafted"


async def test_a_baseline_of_another_place_is_none_of_this_one(play: Play) -> None:
    async with play.open():
        here = await play.baseline()
        play.validating.place = "e" * 64
        await play.baseline()
        action = play.make.action()
        measure = Measure("again", action.measurement, action.expectations)
        planned = play.planned(new_mission(), play.make.action(measures=(measure,)))
        await play.publish("intent", planned)
        (told,) = await eventually(lambda: play.told("verification.contract.drafted"))
        drafted = ContractDrafted.from_bytes(json.dumps(told).encode())
        contract = Contract.from_bytes(drafted.contracts[0].contract)
        assert contract.baseline_id == here
        assert [each.baseline_id for each in contract.baselines] == [here]


async def test_a_plan_that_comes_before_its_error_opens_the_mission(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        await play.publish("intent", play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        await play.publish("intent", play.captured(mission_id))
        await eventually(lambda: play.heard(mission_id, "error.captured", 1))
        mission = await play.mission_until(mission_id, "planned")
        assert (mission.kind, mission.target) == ("postgres.runaway_query", "shop-db")


async def test_a_blocked_plan_that_comes_before_its_error_learns_what_it_was_about(
    play: Play,
) -> None:
    async with play.open():
        mission_id = new_mission()
        blocked = PlanningBlocked(mission_id=mission_id, tenant_id="default", reason="nothing")
        await play.publish("intent", blocked)
        mission = await play.mission_until(mission_id, "blocked")
        assert mission.kind == "unknown"
        await play.publish("intent", play.captured(mission_id))
        await eventually(lambda: play.heard(mission_id, "error.captured", 1))
        mission = await play.mission_until(mission_id, "blocked")
        assert mission.kind == "postgres.runaway_query"


async def test_missions_that_are_blocked_together_end_once_each_for_their_first_reason(
    play: Play,
) -> None:
    async with play.verification() as services:
        runtime = services["verification"]
        one, other = sorted([new_mission(), new_mission()])
        said = [(one, "first"), (other, "second"), (one, "late")]
        messages = [
            PlanningBlocked(mission_id=mission_id, tenant_id="default", reason=reason)
            for mission_id, reason in said
        ]
        blocked = [(each, Source.recalled(each, each.mission_id, "story")) for each in messages]
        async with runtime.unit() as unit:
            stale = Ignored("stale")
            assert await block(runtime.settings, blocked, unit) == [None, None, stale]
        told = await eventually(lambda: play.told("verification.mission.closed"))
        assert sorted((each["mission_id"], each["reason"]) for each in told) == said[:2]
        async with runtime.unit() as unit:
            assert await block(runtime.settings, blocked, unit) == [stale, stale, stale]


async def test_events_that_come_twice_and_in_any_order_make_one_mission(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        events = [play.captured(mission_id), play.planned(mission_id)] * 3
        random.Random(7).shuffle(events)
        for event in events:
            await play.publish("intent", event)
        await play.mission_until(mission_id, "planned")
        granted = await play.granted(mission_id)
        requested = decisions(mission_id)["requested"]
        await play.publish("governance", granted, requested, granted)
        await play.work("apply", play.make.applied())
        await play.publish("governance", granted)
        await play.publish("intent", *events)
        await play.work("observe", {"waiting": 9})  # drift: it has to be undone
        await play.work("revert", {"after": {}})
        await play.work("observe", play.make.before)
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "rollback_failed")
        for subject in ("verification.contract.drafted", "verification.mission.closed"):
            assert len(await eventually(lambda subject=subject: play.told(subject))) == 1
        assert len(await play.house.rows("verification", "select 1 from action_contracts")) == 1


async def test_what_is_decided_after_the_grant_changes_nothing(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        task = await play.claim("apply")
        for word in ("rejected", "expired", "requested"):
            late = decisions(mission_id)[word]
            await play.publish("governance", late)
            await eventually(lambda late=late: play.heard(mission_id, late.SUBJECT, 1))
            await play.mission_until(mission_id, "acting")
        await play.report(task, play.make.applied())
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")


async def test_a_grant_after_the_rejection_changes_nothing(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        granted = await play.granted(mission_id)
        await play.publish("governance", decisions(mission_id)["rejected"])
        await play.mission_until(mission_id, "rejected")
        await play.publish("governance", granted)
        await eventually(lambda: play.heard(mission_id, "approval.granted", 1))
        await play.mission_until(mission_id, "rejected")
        assert await play.house.rows("htm", "select 1 from htm_tasks") == []


async def test_a_plan_that_blocks_after_the_grant_changes_nothing(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.claim("apply")
        blocked = PlanningBlocked(mission_id=mission_id, tenant_id="default", reason="late")
        await play.publish("intent", blocked)
        await eventually(lambda: play.heard(mission_id, "agentic.planning_blocked", 1))
        await play.mission_until(mission_id, "acting")


async def test_decisions_about_a_mission_that_is_not_known_are_left_to_recall(play: Play) -> None:
    async with play.open():
        known = new_mission()
        await play.publish("intent", play.captured(known), play.planned(known))
        await play.mission_until(known, "planned")
        granted = (await play.granted(known)).model_copy(update={"mission_id": new_mission()})
        await play.publish("governance", granted, *decisions(new_mission()).values())
        await play.publish("governance", decisions(known)["rejected"])
        await play.mission_until(known, "rejected")
        assert await quarantined(play) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"plan_hash": "00" * 32}, "other_plan"),
        ({"grants": ()}, "other_contract"),
    ],
)
async def test_a_grant_of_something_else_is_quarantined(
    play: Play, change: dict[str, object], reason: str
) -> None:
    async with play.open():
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        await play.publish("governance", await play.granted(mission_id, **change))
        assert await eventually(lambda: quarantined(play)) == [reason]
        await play.mission_until(mission_id, "planned")


async def test_a_grant_with_another_contracts_hash_is_quarantined(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        granted = await play.granted(mission_id)
        other = granted.grants[0].model_copy(update={"contract_hash": "00" * 32})
        await play.publish("governance", granted.model_copy(update={"grants": (other,)}))
        assert await eventually(lambda: quarantined(play)) == ["other_contract"]
        await play.mission_until(mission_id, "planned")


async def test_a_plan_whose_bytes_are_not_the_hashed_ones_is_quarantined(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        planned = play.planned(mission_id)
        forged = planned.model_copy(update={"plan": planned.plan + b" "})
        nonsense = planned.model_copy(update={"plan": b"x", "plan_hash": digest(b"x")})
        foreign = planned.model_copy(update={"mission_id": new_mission()})
        await play.publish("intent", play.captured(mission_id), forged, nonsense, foreign)
        found = await eventually(lambda: three(play))
        assert sorted(found) == ["plan_hash_differs", "plan_of_another_mission", "plan_unreadable"]
        await play.mission_until(mission_id, "open")


async def three(play: Play) -> list[str]:
    found = await quarantined(play)
    assert len(found) == 3
    return found


async def test_a_plan_that_could_never_be_verified_is_blocked_with_the_reason(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        planned = play.planned(mission_id, play.make.action(expectations=()))
        await play.publish("intent", play.captured(mission_id), planned, planned)
        mission = await play.mission_until(mission_id, "blocked")
        assert "expects nothing" in mission.reason
        assert len(await eventually(lambda: play.told("verification.mission.closed"))) == 1


async def test_a_strangers_task_under_our_contracts_name_is_not_in_the_story(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        task = await play.claim("apply")
        htm = await play.house.act_as("htm")
        finished = FinishedTask(
            task_id=str(new_id()),
            outcome="succeeded",
            type="stranger.observe",
            attempts=1,
            contract_id=task.spec.contract_id,
            mission_id=mission_id,
        )
        async with htm.unit() as unit:
            unit.publish(TasksFinished(tasks=(finished,)))
        await play.report(task, play.make.applied())
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")
        await eventually(lambda: play.heard(mission_id, "htm.task.finished", 2))
        story = " ".join(line.summary for line in await play.timeline(mission_id))
        assert "stranger" not in story


async def test_a_long_reason_is_cut_and_the_mission_closes(play: Play) -> None:
    async with play.open():
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        rejected = decisions(mission_id)["rejected"].model_copy(
            update={"reason": "no " * 1300, "decided_by": ("b" * 4000,)}
        )
        await play.publish("governance", rejected)
        mission = await play.mission_until(mission_id, "rejected")
        assert len(mission.reason) == 1000


async def test_the_database_itself_refuses_what_must_not_happen(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.work("apply", failure="blocked: x")
        await play.mission_until(mission_id, "blocked")
        connection = await play.house.role("verification")
        await connection.execute("SET search_path TO verification")
        refused = [
            "update missions set status = 'verified'",
            "update action_contracts set status = 'verified'",
            "update action_contracts set contract = 'x'",
            "update action_contracts set expected_state = '{}'",
            "update action_contracts set target = target",
            "update action_contracts set contract_hash = md5('x')",
            "update action_contracts set tier = 1, playbook_id = 'x'",
            "update action_contracts set contract_id = contract_id",
            "delete from action_contracts",
            "delete from action_events",
            "update action_events set summary = 'x'",
            "update safe_hold_snapshots set state = 'x'",
            "delete from missions",
        ]
        try:
            for statement in refused:
                with pytest.raises(asyncpg.PostgresError):
                    await connection.execute(statement)
        finally:
            await connection.close()


async def test_the_same_grant_for_many_missions_at_once_is_one_batch(play: Play) -> None:
    async with play.open():
        missions = [new_mission() for _ in range(10)]
        plans = [
            play.planned(each, play.make.action(target=f"db-{n}"))
            for n, each in enumerate(missions)
        ]
        await play.publish("intent", *(play.captured(each) for each in missions), *plans)
        await asyncio.gather(*(play.mission_until(each, "planned") for each in missions))
        grants = [await play.granted(each) for each in missions]
        await play.publish("governance", *grants)
        claimed = [await play.claim("apply") for _ in missions]
        assert {each.spec.mission_id for each in claimed} == set(missions)
        assert all(
            each.spec.sla_ms == timedelta(minutes=1) / timedelta(milliseconds=1) for each in claimed
        )
