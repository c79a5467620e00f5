"""A mission on real servers, from its error to each of its ends; the test plays the others."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from grace.contracts.governance import ApprovalExpired, ApprovalRejected, ApprovalRequested
from grace.contracts.intent import PlanningBlocked
from grace.kit import new_id
from grace.testkit import eventually
from grace.verification.domain.state import canonical

if TYPE_CHECKING:
    from conftest import Play

DRIFT = {"waiting": 0, "throughput": 95.0, "error_rate": 1.0}


async def ends_of(play: Play, mission_id: str) -> tuple[list[str], list[str], int]:
    """The verdicts told, the mission's ends told, and how often it was told to be resolved."""
    await eventually(lambda: play.told("verification.mission.closed"))
    actions, missions, resolved = [
        [told for told in await play.told(subject) if told["mission_id"] == mission_id]
        for subject in (
            "verification.action.closed",
            "verification.mission.closed",
            "agentic.problem_resolved",
        )
    ]
    verdicts = [told["verdict"] for told in actions]
    return verdicts, [told["status"] for told in missions], len(resolved)


async def test_executed_measured_and_matching_is_verified(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        applied = await play.apply()
        measured = await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "verified")

        assert mission.confidence == 1.0
        (contract,) = mission.contracts
        assert contract.status == "verified"
        assert contract.confidence == 1.0
        assert contract.actual_state["status"] == "completed"
        assert contract.actual_state["error_resolved"] is True
        assert contract.actual_state["throughput"] == 95.0
        assert contract.actual_state["execution_result"] == {"set": True}
        assert contract.expected_state["throughput"] == 80.0
        assert set(contract.actual_state) == set(contract.expected_state)
        assert applied.spec.key == f"{contract.contract_id}:apply"
        assert applied.spec.capability is not None
        assert measured.spec.operation == "postgres.activity"
        assert measured.spec.capability is None
        # What is acted on, and what is measured, is what the plan was made for.
        places = [each.spec.target_definition for each in (applied, measured)]
        assert places == ["d" * 64] * 2
        assert await play.holds() == []
        assert await ends_of(play, mission_id) == (["verified"], ["verified"], 1)


async def test_the_timeline_tells_the_whole_story_in_its_order(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")
        lines = await play.timeline(mission_id)
    subjects = [line.subject for line in lines]
    story = [
        "error.detected",
        "error.captured",
        "agentic.action_planned",
        "verification.contract.drafted",
        "approval.granted",
        "verification.hold.taken",
        "agentic.action_executing",
        "verification.snapshot.stored",
        "verification.task.submitted",
        "verification.measurement.taken",
        "verification.action.closed",
        "agentic.problem_resolved",
        "verification.mission.closed",
    ]
    assert [subject for subject in subjects if subject in story] == story
    finished = [line.summary for line in lines if line.subject == "htm.task.finished"]
    assert "postgres.set_database_setting.apply succeeded after 1 attempt" in finished
    assert {line.service for line in lines} == {
        "outside", "intent", "governance", "htm", "verification",
    }  # fmt: skip
    by_subject = {line.subject: line.summary for line in lines}
    assert "throughput 95" in by_subject["verification.measurement.taken"]
    assert "confidence 1.00" in by_subject["verification.action.closed"]
    assert "alice" in by_subject["approval.granted"]


async def test_the_lines_of_own_messages_carry_the_messages_ids(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")
        (message,) = await eventually(lambda: play.house.messages("verification.mission.closed"))
        lines = {line.event_id: line.subject for line in await play.timeline(mission_id)}
        assert lines[message.headers["Nats-Msg-Id"]] == "verification.mission.closed"


async def test_drift_is_reverted_and_measured_again_to_be_rolled_back(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", DRIFT)
        revert = await play.work("revert", {"restored_from": {}, "after": {}, "result": {}})
        looked = await play.work("observe", play.make.before)
        measured = await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "rolled_back")

        (contract,) = mission.contracts
        assert json.loads(revert.spec.before) == play.make.before
        assert json.loads(revert.spec.after) == play.make.after
        assert revert.spec.capability is not None
        assert looked.spec.operation == "postgres.set_database_setting"
        assert looked.spec.key == f"{contract.contract_id}:restored"
        assert measured.spec.operation == "postgres.activity"
        assert contract.confidence == pytest.approx(2 / 3)
        assert contract.actual_state["error_rate"] == 1.0
        assert contract.restored_state["restored"] is True
        assert contract.restored_state["error_rate"] == 0.0
        assert "error_rate: measured 1" in contract.reason
        assert await play.holds() == []
        assert await ends_of(play, mission_id) == (["rolled_back"], ["rolled_back"], 0)


async def test_the_before_state_is_stored_with_its_hash_as_soon_as_the_action_is_done(
    play: Play,
) -> None:
    async with play.open():
        await play.start()
        await play.apply()
        await play.claim("observe")
        # The measurement is submitted before the transaction that keeps the state commits.
        (row,) = await eventually(
            lambda: play.house.rows(
                "verification",
                "select s.*, c.snapshot_id as linked from safe_hold_snapshots s"
                " join action_contracts c using (contract_id)",
            )
        )
        before = canonical(play.make.before)
        assert row["content_hash"] == hashlib.sha256(before.encode()).hexdigest()
        assert "statement_timeout" not in row["state"]
        assert "statement_timeout" not in row["after_state"]
        assert row["linked"] == row["snapshot_id"]


@pytest.mark.parametrize("end", ["state", "after_state"])
async def test_a_snapshot_that_was_altered_is_never_put_back(play: Play, end: str) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        measuring = await play.claim("observe")
        await eventually(lambda: play.house.rows("verification", "select from safe_hold_snapshots"))
        await play.write(
            f"UPDATE safe_hold_snapshots SET {end} = overlay({end} placing 'AAAA' from 60)"
        )
        await play.report(measuring, DRIFT)
        mission = await play.mission_until(mission_id, "needs_attention")
        assert "not the one that was" in (mission.reason or "")
        assert await play.holds() != []
        # It was to be undone, though that could not begin: nobody shall read that nothing is left to undo.
        (needed,) = await eventually(lambda: play.told("verification.attention.needed"))
        assert needed["undoing"] is True


async def test_a_revert_after_which_the_state_is_another_is_a_failed_rollback(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", DRIFT)
        await play.work("revert", {"after": {}})
        await play.work("observe", {"name": "statement_timeout", "value": "1ms"})
        await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "rollback_failed")
        assert mission.contracts[0].restored_state["state_equal"] is False
        assert await ends_of(play, mission_id) == (["rollback_failed"], ["rollback_failed"], 0)


async def test_a_revert_that_somebody_elses_change_stops_rests_with_its_target_held(
    play: Play,
) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", DRIFT)
        await play.work("revert", failure="changed by somebody else: expected 5ms, found 1ms")
        await play.work("observe", failure="no such database")
        mission = await play.mission_until(mission_id, "needs_attention")
        (contract,) = mission.contracts
        assert contract.status == "needs_attention"
        assert "somebody else" in contract.reason
        assert mission.closed_at is None
        assert await play.holds() == [contract.contract_id]
        assert await play.told("verification.mission.closed") == []


async def test_what_the_worker_refused_to_begin_is_blocked(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.work("apply", failure="blocked: the capability is not for this target")
        mission = await play.mission_until(mission_id, "blocked")
        (contract,) = mission.contracts
        assert contract.confidence == 0.0
        assert contract.actual_state["status"] == "failed"
        assert "not for this target" in contract.reason
        (told,) = await eventually(lambda: play.told("verification.action.closed"))
        assert (told["verdict"], told["executed"]) == ("blocked", False)
        assert await ends_of(play, mission_id) == (["blocked"], ["blocked"], 0)


async def test_drift_of_what_cannot_be_undone_has_failed(play: Play) -> None:
    async with play.open():
        action = play.make.action(operation="postgres.terminate_blockers", reversible=False)
        mission_id = await play.start(action)
        await play.apply()
        await play.work("observe", {**play.make.good, "waiting": 7})
        mission = await play.mission_until(mission_id, "failed")
        assert mission.contracts[0].confidence == pytest.approx(2 / 3)
        assert await ends_of(play, mission_id) == (["failed"], ["failed"], 0)


async def test_an_action_that_never_succeeds_has_failed_with_confidence_zero(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        for _ in range(3):
            await play.work("apply", failure="connection lost", error_class="transient")
        mission = await play.mission_until(mission_id, "failed")
        assert mission.confidence == 0.0
        assert "3 attempts" in mission.reason
        assert await ends_of(play, mission_id) == (["failed"], ["failed"], 0)


async def test_the_more_urgent_an_incident_the_more_urgent_its_tasks(play: Play) -> None:
    async with play.open():
        mission_id = await play.start(severity="critical")
        await play.apply()
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")
        tasks = await play.house.rows(
            "htm",
            "select spec::json->>'step' as step, priority from htm_tasks where mission_id = $1",
            mission_id,
        )
        assert {row["step"]: row["priority"] for row in tasks} == {"apply": 20, "observe": 25}


async def test_what_is_planned_is_charged_to_intent_and_what_verification_measures_to_itself(
    play: Play,
) -> None:
    async with play.open():
        mission_id = await play.start()  # behind a baseline
        await play.apply()
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")
        tasks = await play.house.rows(
            "htm",
            "select mission_id is not null as is_planned, array_agg(distinct origin) as origins"
            " from htm_tasks group by 1",
        )
        assert {row["is_planned"]: row["origins"] for row in tasks} == {
            True: ["intent"],
            False: ["verification"],
        }


async def test_what_cannot_be_measured_is_inconclusive_and_is_not_undone(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", failure="no statistics", error_class="user")
        mission = await play.mission_until(mission_id, "inconclusive")
        assert mission.confidence == 0.0
        (contract,) = mission.contracts
        assert contract.actual_state["benchmark_passed"] is False
        assert contract.reason.endswith("no statistics (1 attempt); not undone")
        assert await play.holds() == []
        steps = await play.house.rows("htm", "select spec::json->>'step' as step from htm_tasks")
        assert "revert" not in {row["step"] for row in steps}
        assert await ends_of(play, mission_id) == (["inconclusive"], ["inconclusive"], 0)


async def test_a_measurement_without_a_number_never_verifies(play: Play) -> None:
    async with play.open():
        mission_id = await play.start(play.make.action(reversible=False))
        await play.apply()
        text = json.dumps(play.make.good).replace("95.0", "NaN")
        await play.work("observe", text)
        mission = await play.mission_until(mission_id, "inconclusive")
        assert mission.contracts[0].actual_state["throughput"] is None


async def test_without_the_baseline_it_needs_an_action_is_never_verified(play: Play) -> None:
    async with play.open():
        mission_id = await play.start(play.make.action(reversible=False), baseline=False)
        await play.apply()
        await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "inconclusive")
        assert "no baseline" in mission.reason


async def test_a_rejected_plan_closes_its_mission_and_nothing_runs(play: Play) -> None:
    async with play.open():
        mission_id = f"mission-{new_id()}"
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        rejected = ApprovalRejected(
            approval_id="approval-1",
            mission_id=mission_id,
            tenant_id="default",
            decided_by=("bob",),
            reason="not on a Friday",
        )
        await play.publish("governance", rejected, rejected)
        mission = await play.mission_until(mission_id, "rejected")
        assert mission.contracts[0].status == "rejected"
        assert mission.reason == "rejected by bob: not on a Friday"
        assert await play.house.rows("htm", "select 1 from htm_tasks") == []
        assert await ends_of(play, mission_id) == ([], ["rejected"], 0)


async def test_a_plan_that_nobody_decided_on_expires(play: Play) -> None:
    async with play.open():
        mission_id = f"mission-{new_id()}"
        now = datetime.now(UTC)
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        ids = {"approval_id": "approval-1", "mission_id": mission_id, "tenant_id": "default"}
        requested = ApprovalRequested(
            **ids, tier=2, quorum=1, requested_by="admin", shown_hash="ab", expires_at=now
        )
        await play.publish("governance", requested)
        await play.mission_until(mission_id, "awaiting_approval")
        await play.publish("governance", ApprovalExpired(**ids, expired_at=now))
        mission = await play.mission_until(mission_id, "expired")
        assert mission.contracts[0].status == "expired"
        assert await ends_of(play, mission_id) == ([], ["expired"], 0)


async def test_an_error_that_no_playbook_answers_is_a_blocked_mission(play: Play) -> None:
    async with play.open():
        mission_id = f"mission-{new_id()}"
        blocked = PlanningBlocked(
            mission_id=mission_id, tenant_id="default", reason="no playbook for it"
        )
        await play.publish("intent", play.captured(mission_id), blocked, blocked)
        mission = await play.mission_until(mission_id, "blocked")
        assert mission.reason == "no playbook for it"
        assert mission.contracts == ()
        assert await ends_of(play, mission_id) == ([], ["blocked"], 0)
