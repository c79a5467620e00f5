"""Requests are answered: missions, their stories, baselines; one tenant does not see another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from grace.contracts.intent import PlanningBlocked
from grace.contracts.verification import (
    GetBaseline,
    GetMission,
    GetTimeline,
    ListMissions,
    TakeBaseline,
)
from grace.kit import Conflict, GraceError, Invalid, NotFound, new_id
from grace.verification.handlers.blocked import block
from grace.verification.handlers.plans import capture
from grace.verification.store.timeline import Source

if TYPE_CHECKING:
    from conftest import Play


def new_mission() -> str:
    return f"mission-{new_id()}"


async def test_a_mission_whose_states_do_not_fit_an_answer_is_told_without_them(
    play: Play,
) -> None:
    async with play.open():
        actions = [play.make.action(action_id=f"a{n}", sequence=n) for n in range(5)]
        mission_id = await play.start(*actions)
        result = {"note": "x" * 120_000}
        applied = {"before": play.make.before, "after": play.make.after, "result": result}
        for _ in actions:
            await play.work("apply", applied)
            await play.work("observe", play.make.good | {"series": "y" * 120_000})
        mission = await play.mission_until(mission_id, "verified", timeout=20)
        state = mission.contracts[0].actual_state
        assert state["execution_result"] == {"omitted": True}
        assert state["throughput"] == 95.0
        (row, *_) = await play.house.rows(
            "verification", "select actual_state from action_contracts"
        )
        assert len(row["actual_state"]) > 200_000


async def test_missions_are_listed_newest_first_page_by_page(play: Play) -> None:
    async with play.open():
        gateway = await play.actor("gateway")
        missions = [new_mission() for _ in range(5)]
        await play.publish("intent", *(play.captured(each) for each in missions))
        for mission_id in missions:
            await play.mission_until(mission_id, "open")
        first = await gateway.call(ListMissions(tenant_id="default", limit=2))
        last = first.missions[-1].mission_id
        second = await gateway.call(ListMissions(tenant_id="default", limit=10, before=last))
        listed = [each.mission_id for each in (*first.missions, *second.missions)]
        assert listed == sorted(missions, reverse=True)
        none = await gateway.call(ListMissions(tenant_id="default", limit=9, status="verified"))
        assert none.missions == ()


async def test_what_goes_on_is_listed_as_open_wherever_it_stands(play: Play) -> None:
    async with play.open():
        gateway = await play.actor("gateway")

        async def is_open(mission_id: str) -> bool:
            found = await gateway.call(ListMissions(tenant_id="default", limit=9, status="open"))
            return [each.mission_id for each in found.missions] == [mission_id]

        mission_id = await play.start()
        await play.mission_until(mission_id, "acting")
        assert await is_open(mission_id)
        await play.work("apply", {"before": play.make.before, "after": play.make.after})
        await play.work("observe", play.make.good)
        await play.mission_until(mission_id, "verified", timeout=20)
        assert not await is_open(mission_id)


async def test_one_tenant_does_not_see_what_is_anothers(play: Play) -> None:
    async with play.open():
        gateway = await play.actor("gateway")
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id))
        await play.mission_until(mission_id, "open")
        baseline_id = await play.begin_baseline("other-db")
        other = {"tenant_id": "other"}
        for question in (
            GetMission(**other, mission_id=mission_id),
            GetTimeline(**other, mission_id=mission_id),
            GetBaseline(**other, baseline_id=baseline_id),
        ):
            with pytest.raises(NotFound):
                await gateway.call(question)
        found = await gateway.call(ListMissions(**other, limit=10))
        assert found.missions == ()


async def test_nobody_but_the_gateway_may_ask(play: Play) -> None:
    async with play.open():
        worker = await play.actor("worker")
        with pytest.raises(GraceError):
            await worker.call(ListMissions(tenant_id="default", limit=1), timeout=1)


def take(**changes: object) -> TakeBaseline:
    whole = TakeBaseline(
        tenant_id="default",
        target="shop-db",
        operation="postgres.activity",
        params="{}",
        timeout_ms=1000,
        requested_by="admin",
    )
    return whole.model_copy(update=changes)


async def test_a_baseline_of_a_target_in_trouble_is_refused(play: Play) -> None:
    async with play.open():
        gateway = await play.actor("gateway")
        mission_id = new_mission()
        await play.publish("intent", play.captured(mission_id))
        await play.mission_until(mission_id, "open")
        with pytest.raises(Conflict, match="mission is open"):
            await gateway.call(take())
        assert (await gateway.call(take(target="other-db"))).status == "measuring"


async def test_a_baseline_with_parameters_that_are_no_object_is_refused(play: Play) -> None:
    async with play.open():
        gateway = await play.actor("gateway")
        for params in ("[]", "nonsense", "NaN"):
            with pytest.raises(Invalid):
                await gateway.call(take(params=params))


async def test_a_story_is_in_order_where_a_service_is_ahead_of_its_time(play: Play) -> None:
    async with play.verification() as services:
        runtime, mission_id = services["verification"], new_mission()
        later = datetime.now(UTC) + timedelta(minutes=4)
        captured = play.captured(mission_id).model_copy(update={"detected_at": later})
        source = Source(new_id(), "intent", "error.captured", mission_id, later)
        async with runtime.unit() as unit:
            await capture(runtime.settings, [(captured, source)], unit)
        blocked = PlanningBlocked(mission_id=mission_id, tenant_id="default", reason="no playbook")
        async with runtime.unit() as unit:
            told = Source.recalled(blocked, mission_id, mission_id)
            await block(runtime.settings, [(blocked, told)], unit)
        assert [line.subject for line in await play.timeline(mission_id)] == [
            "error.detected",
            "error.captured",
            "agentic.planning_blocked",
            "verification.mission.closed",
        ]
