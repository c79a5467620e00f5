"""Advance, Recall, Baselines and ReleaseHolds: twice, at once, after a stop, and on one target."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest

from grace.contracts.governance import RecallDecision, RecalledDecision
from grace.contracts.htm import SubmitTasks
from grace.contracts.intent import PlanningBlocked, RecalledMission, RecallMission
from grace.contracts.message import Message
from grace.contracts.verification import TakeBaseline
from grace.kit import Called, GraceError, Rpc, Runtime, Service, new_id
from grace.testkit import eventually
from grace.verification import loops
from grace.verification.settings import Settings

if TYPE_CHECKING:
    from conftest import Play

T = TypeVar("T")
IMPATIENT = {
    "recall_after": timedelta(milliseconds=50),
    "recall_at_most": timedelta(milliseconds=200),
    "recall_interval": timedelta(milliseconds=50),
}
DRIFT = {"waiting": 0, "throughput": 95.0, "error_rate": 1.0}


async def test_two_ticks_at_once_act_once(play: Play) -> None:
    async with play.open() as services:
        mission_id = await play.start()
        advance = loops.Advance(services["verification"].settings)
        await asyncio.gather(*(advance.tick(services["verification"]) for _ in range(6)))
        await play.apply()
        await asyncio.gather(*(advance.tick(services["verification"]) for _ in range(6)))
        await play.work("observe", play.make.good)
        await asyncio.gather(*(advance.tick(services["verification"]) for _ in range(6)))
        await play.mission_until(mission_id, "verified")
        tasks = await play.house.rows(
            "htm", "select spec::json->>'step' from htm_tasks where mission_id = $1", mission_id
        )
        assert sorted(row[0] for row in tasks) == ["apply", "observe"]
        for subject in ("agentic.action_executing", "verification.mission.closed"):
            assert len(await eventually(lambda subject=subject: play.told(subject))) == 1


async def test_two_replicas_act_once(play: Play) -> None:
    async with play.open(), play.verification():
        mission_id = await play.start()
        await play.apply()
        await play.work("observe", DRIFT)
        await play.work("revert", {"after": {}})
        await play.work("observe", play.make.before)
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "rolled_back")
        assert len(await eventually(lambda: play.told("verification.mission.closed"))) == 1
        assert len(await play.told("verification.action.closed")) == 1
        lines = [line.subject for line in await play.timeline(mission_id)]
        assert lines.count("verification.snapshot.stored") == 1
        assert lines.count("agentic.action_executing") == 2  # apply and revert


async def test_every_step_goes_on_after_a_stop_of_the_service(play: Play) -> None:
    """The service is stopped between any two steps; each start finds the contract as it was."""
    async with play.others():
        async with play.verification():
            mission_id = await play.start()
        for step, result in (
            ("apply", play.make.applied()),
            ("observe", json.dumps(DRIFT)),
            ("revert", json.dumps({"after": {}})),
            ("observe", json.dumps(play.make.before)),
            ("observe", json.dumps(play.make.good)),
        ):
            async with play.verification():
                task = await play.claim(step)
            await play.report(task, result)
        async with play.verification():
            await play.mission_until(mission_id, "rolled_back")
            assert len(await eventually(lambda: play.told("verification.mission.closed"))) == 1


async def test_a_task_submitted_by_a_replica_that_died_is_found_and_not_submitted_twice(
    play: Play,
) -> None:
    """The crash between the answer of htm and the commit: the row still wants its task."""
    async with play.still() as runtime:
        mission_id = await play.start(baseline=False)
        advance = loops.Advance(runtime.settings)
        await advance.tick(runtime)
        await play.write(
            "update action_contracts set status = 'holding', task_id = null, task_ids = '{}',"
            " next_at = now()",
        )
        await advance.tick(runtime)
        (task,) = await play.house.rows(
            "htm", "select id from htm_tasks where mission_id = $1", mission_id
        )
        (row,) = await play.house.rows("verification", "select * from action_contracts")
        assert row["status"] == "executing"
        assert row["task_id"] == str(task["id"])


async def test_a_change_that_was_decided_on_old_facts_changes_nothing(play: Play) -> None:
    async with play.still() as runtime:
        await play.start(baseline=False)
        advance = loops.Advance(runtime.settings)
        original = runtime.call

        async def overtaken(request: Message, **how: object) -> Message:
            """The answer of htm comes when the contract has moved on."""
            answer: Message = await original(request, **how)
            await play.write("update action_contracts set version = version + 1")
            return answer

        runtime.call = overtaken  # type: ignore[method-assign]
        await advance.tick(runtime)
        (row,) = await play.house.rows("verification", "select * from action_contracts")
        assert (row["status"], row["task_id"]) == ("holding", None)
        lines = await play.house.rows("verification", "select subject from action_events")
        assert "agentic.action_executing" not in {line["subject"] for line in lines}


async def test_a_second_contract_waits_for_the_target_and_goes_on_afterwards(play: Play) -> None:
    async with play.open():
        first = await play.start()
        acting = await play.claim("apply")
        second = await play.start(baseline=False)
        waiting = await eventually(lambda: play.contract_is(second, "waiting"))
        assert acting.spec.contract_id in waiting.reason
        assert await play.holds() == [acting.spec.contract_id]

        await play.report(acting, play.make.applied())
        await play.work("observe", play.make.good)
        await play.mission_until(first, "verified")
        task = await play.apply()
        assert task.spec.mission_id == second
        assert await play.holds() == [task.spec.contract_id]


async def test_contracts_on_different_targets_act_at_the_same_time(play: Play) -> None:
    async with play.open():
        await play.start()
        await play.claim("apply")
        other = play.make.action(target="other-db")
        await play.start(other, baseline=False)
        task = await play.claim("apply")
        assert task.spec.target == "other-db"
        assert len(await play.holds()) == 2


async def test_the_next_action_of_a_plan_begins_when_the_one_before_is_verified(
    play: Play,
) -> None:
    async with play.open():
        actions = play.make.action(), play.make.action(action_id="action-2", sequence=1)
        mission_id = await play.start(*actions)
        for action in ("action-1", "action-2"):
            task = await play.apply()
            assert task.spec.action_id == action
            await play.work("observe", play.make.good)
        mission = await play.mission_until(mission_id, "verified")
        assert [contract.status for contract in mission.contracts] == ["verified"] * 2
        assert len(await eventually(lambda: play.told("agentic.problem_resolved"))) == 1
        assert len(await play.told("verification.action.closed")) == 2


async def test_a_failed_action_cancels_those_that_were_to_follow(play: Play) -> None:
    async with play.open():
        actions = play.make.action(), play.make.action(action_id="action-2", sequence=1)
        mission_id = await play.start(*actions)
        await play.work("apply", failure="blocked: no permit")
        mission = await play.mission_until(mission_id, "blocked")
        assert [contract.status for contract in mission.contracts] == ["blocked", "cancelled"]
        assert len(await eventually(lambda: play.told("verification.mission.closed"))) == 1
        assert len(await play.told("verification.action.closed")) == 1


async def test_an_end_that_no_event_told_of_is_found_by_asking(play: Play) -> None:
    async with play.open():
        mission_id = await play.start()
        task = await play.claim("apply")
        await play.house.empty_streams()
        await play.report(task, play.make.applied())
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified")


async def test_a_measurement_that_nobody_takes_is_given_up_and_never_verified(play: Play) -> None:
    async with play.others():
        async with play.verification():
            await play.baseline()
        async with play.verification(measure_within=timedelta(milliseconds=200)):
            mission_id = await play.start(play.make.action(reversible=False), baseline=False)
            await play.apply()
            mission = await play.mission_until(mission_id, "inconclusive")
            assert "not measured" in mission.reason


async def test_an_action_that_no_worker_begins_in_time_expires(play: Play) -> None:
    async with play.open(apply_within=timedelta(milliseconds=300)):
        mission_id = await play.start()
        mission = await play.mission_until(mission_id, "expired")
        assert mission.contracts[0].status == "expired"
        assert await play.holds() == []


async def test_a_task_that_htm_refuses_for_good_blocks_its_contract(play: Play) -> None:
    async with play.open():
        mission_id = await play.start(play.make.action(kernel="no.such.kernel"))
        mission = await play.mission_until(mission_id, "blocked")
        assert "htm refuses" in mission.reason
        assert await play.holds() == []


async def test_a_key_that_belongs_to_another_task_is_not_believed(play: Play) -> None:
    async with play.still() as runtime:
        mission_id = await play.start(baseline=False)
        original = runtime.call

        async def too_late(request: Message, **how: object) -> Message:
            """Somebody else has the key when verification comes with it."""
            for spec in request.tasks if isinstance(request, SubmitTasks) else ():
                await play.submit(spec.model_copy(update={"timeout_ms": 1}))
            answer: Message = await original(request, **how)
            return answer

        runtime.call = too_late  # type: ignore[method-assign]
        await loops.Advance(runtime.settings).tick(runtime)
        mission = await play.mission_until(mission_id, "needs_attention")
        assert "another task" in mission.reason
        assert len(await play.holds()) == 1


async def test_a_hold_whose_contract_has_ended_is_released(play: Play) -> None:
    async with play.open() as services:
        mission_id = await play.start()
        await play.work("apply", failure="blocked: x")
        await play.mission_until(mission_id, "blocked")
        await play.write(
            "insert into target_holds select '*', target, contract_id, now(), mission_id from action_contracts",
        )
        await loops.ReleaseHolds().tick(services["verification"])
        assert await play.holds() == []


async def test_a_running_contract_keeps_its_hold(play: Play) -> None:
    async with play.open() as services:
        await play.start()
        task = await play.claim("apply")
        await loops.ReleaseHolds().tick(services["verification"])
        assert await play.holds() == [task.spec.contract_id]


async def test_a_baseline_is_measured_and_its_numbers_are_kept(play: Play) -> None:
    async with play.open():
        baseline_id = await play.baseline()
        found = await play.baseline_is(baseline_id, "stored")
        assert {each.field: each.value for each in found.values} == {
            "waiting": 0.0,
            "throughput": 100.0,
            "error_rate": 0.0,
        }
        assert found.measured_at is not None


async def test_a_baseline_that_cannot_be_measured_says_why(play: Play) -> None:
    async with play.open():
        open_ = TakeBaseline(
            tenant_id="default",
            target="checks",
            operation="command.run",
            params='{"argv": ["/bin/true"], "environment": {"TOKEN": "canary"}}',
            timeout_ms=1000,
            requested_by="ada",
        )
        with pytest.raises(GraceError, match="params.environment.TOKEN is a secret: give"):
            await (await play.actor("gateway")).call(open_)
        baseline_id = await play.begin_baseline()
        await play.work("observe", failure="no such database", error_class="user")
        found = await eventually(lambda: play.baseline_is(baseline_id, "failed"))
        assert found.reason == "no such database"


async def test_a_measurement_during_an_incident_is_no_baseline(play: Play) -> None:
    async with play.open():
        baseline_id = await play.begin_baseline()
        task = await play.claim("observe")
        mission_id = f"mission-{new_id()}"
        await play.publish("intent", play.captured(mission_id))
        await play.mission_until(mission_id, "open")
        await play.report(task, play.make.good)
        found = await eventually(lambda: play.baseline_is(baseline_id, "failed"))
        assert "mission" in found.reason


async def test_an_incident_that_came_and_went_during_a_measurement_spoils_it(play: Play) -> None:
    async with play.open():
        baseline_id = await play.begin_baseline()
        task = await play.claim("observe")
        mission_id = f"mission-{new_id()}"
        blocked = PlanningBlocked(
            mission_id=mission_id, tenant_id="default", reason="no playbook answers it"
        )
        await play.publish("intent", play.captured(mission_id), blocked)
        await play.mission_until(mission_id, "blocked")
        await play.report(task, play.make.good)
        found = await eventually(lambda: play.baseline_is(baseline_id, "failed"))
        assert "mission" in found.reason


async def test_a_baseline_goes_on_after_a_stop_of_the_service(play: Play) -> None:
    async with play.others():
        async with play.verification():
            baseline_id = await play.begin_baseline()
            task = await play.claim("observe")
        await play.report(task, play.make.good)
        async with play.verification():
            await eventually(lambda: play.baseline_is(baseline_id, "stored"))


class Answers:
    """An owner that says again what a test gives it."""

    def __init__(self, answer: Message) -> None:
        self.answer = answer

    async def __call__(self, _: Called[Message], __: Runtime) -> Message:
        return self.answer


async def answering(
    play: Play, owner: str, query: type[Message], answer: Message, then: Callable[[], Awaitable[T]]
) -> T:
    """Let the owner of a query answer it while something else happens."""
    settings = (await play.actor(owner)).settings
    service = Service(owner, settings).serve(Rpc().direct(query, Answers(answer)))
    running = await play.house.furnished(service).start()
    try:
        return await then()
    finally:
        await running.stop()


async def test_a_plan_that_never_came_is_asked_for(play: Play) -> None:
    mission_id = f"mission-{new_id()}"
    async with play.open(**IMPATIENT):
        await play.publish("intent", play.captured(mission_id))
        planned = play.planned(mission_id)
        mission = await answering(
            play,
            "intent",
            RecallMission,
            RecalledMission(captured=play.captured(mission_id), planned=planned),
            lambda: play.mission_until(mission_id, "planned"),
        )
        assert mission.plan_hash == planned.plan_hash
        await eventually(lambda: play.told("verification.contract.drafted"))
        # The event that was late changes nothing any more.
        await play.publish("intent", planned)
        await eventually(lambda: play.heard(mission_id, "agentic.action_planned", 2))
        assert len(await play.told("verification.contract.drafted")) == 1


async def test_a_decision_that_never_came_is_asked_for(play: Play) -> None:
    async with play.open(**IMPATIENT):
        mission_id = f"mission-{new_id()}"
        await play.publish("intent", play.captured(mission_id), play.planned(mission_id))
        await play.mission_until(mission_id, "planned")
        granted = await play.granted(mission_id)
        await answering(
            play,
            "governance",
            RecallDecision,
            RecalledDecision(granted=granted),
            lambda: play.claim("apply"),
        )


async def test_recall_asks_less_often_each_time(play: Play) -> None:
    async with play.still(recall_after=timedelta(seconds=10)) as runtime:
        mission_id = f"mission-{new_id()}"
        await play.publish("intent", play.captured(mission_id))
        await play.mission_until(mission_id, "open")
        settings = runtime.settings
        assert isinstance(settings, Settings)
        pauses = []
        for _ in range(7):
            await play.write("update missions set recall_at = now()")
            await play.recall(settings).tick(runtime)
            (row,) = await play.house.rows("verification", "select recall_at from missions")
            pauses.append(round((row["recall_at"] - datetime.now(UTC)) / timedelta(seconds=10)))
        assert pauses == [1, 2, 4, 8, 16, 30, 30]
