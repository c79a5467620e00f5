"""Plans of several actions: undone in reverse order, through a death at every edge; targets in turn."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from grace.contracts.htm import ClaimedTask
from grace.contracts.verification import DecideAttention, ListTargetHolds
from grace.testkit import eventually
from grace.verification import loops

from .test_crashes import DRIFT, Died, Doomed

if TYPE_CHECKING:
    from conftest import Play

    from grace.verification.domain.contract import Action


def two(play: Play, target: str = "shop-db") -> tuple[Action, Action]:
    """Two actions, the second of which drifts in these tests."""
    return play.make.action(), play.make.action(action_id="action-2", sequence=1, target=target)


async def first_proven(play: Play, target: str = "shop-db") -> str:
    """A mission whose first action came true and whose second has drifted."""
    mission_id = await play.start(*two(play, target))
    for measured in (play.make.good, DRIFT):
        await play.apply()
        await play.work("observe", measured)
    return mission_id


async def restore(play: Play) -> ClaimedTask:
    task = await play.work("revert", {"after": {}})
    await play.work("observe", play.make.before)
    await play.work("observe", play.make.good)
    return task


async def give_up(play: Play, mission_id: str, choice: str) -> None:
    decided = DecideAttention(
        tenant_id="default", mission_id=mission_id, choice=choice, principal="bob", reason="ok"
    )
    await (await play.actor("gateway")).call(decided)


async def statuses(play: Play) -> list[str]:
    rows = await play.house.rows(
        "verification", "select status from action_contracts order by drafted_at, sequence"
    )
    return [row["status"] for row in rows]


async def test_a_plan_that_fails_is_undone_in_reverse_order(play: Play) -> None:
    async with play.open():
        mission_id = await first_proven(play)

        async def undoing() -> bool:
            return await statuses(play) == ["proven", "reverting"]

        await eventually(undoing)
        assert await play.told("verification.action.closed") == []
        undone = [(await restore(play)).spec.action_id for _ in range(2)]
        assert undone == ["action-2", "action-1"]
        mission = await play.mission_until(mission_id, "rolled_back")
        assert [each.status for each in mission.contracts] == ["rolled_back"] * 2
        assert "error_rate" in (mission.reason or "")
        verdicts = await eventually(lambda: play.told("verification.action.closed"))
        assert [told["verdict"] for told in verdicts] == ["rolled_back"] * 2
        # The first had come true; nobody shall take what is undone for a success.
        assert all(told["confidence"] < 1 for told in verdicts)
        assert all((each.confidence or 0) < 1 for each in mission.contracts)
        assert await play.holds() == []


async def test_nothing_is_taken_away_from_under_an_action_that_could_not_be_judged(
    play: Play,
) -> None:
    async with play.open():
        mission_id = await play.start(*two(play))
        await play.apply()
        await play.work("observe", play.make.good)
        await play.apply()
        await play.work("observe", failure="no statistics", error_class="user")
        mission = await play.mission_until(mission_id, "inconclusive")
        assert [each.status for each in mission.contracts] == ["verified", "inconclusive"]
        assert "not undone" in (mission.reason or "")
        steps = await play.house.rows("htm", "select spec->>'step' as step from htm_tasks")
        assert "revert" not in {row["step"] for row in steps}
        assert await play.holds() == []


async def test_a_mission_that_a_person_let_go_on_says_what_it_does_and_what_it_asks_next(
    play: Play,
) -> None:
    async with play.open():
        mission_id = await first_proven(play)
        await play.work("revert", failure="changed by somebody else")
        await play.work("observe", play.make.after)
        await play.mission_until(mission_id, "needs_attention")
        await give_up(play, mission_id, "close")
        undoing = await play.claim("revert")
        assert (await play.mission_until(mission_id, "acting")).reason is None
        await play.report(undoing, failure="gone")
        await play.work("observe", play.make.after)
        asked = await play.mission_until(mission_id, "needs_attention")
        assert "gone" in (asked.reason or "")
        await give_up(play, mission_id, "close")
        ended = await play.mission_until(mission_id, "rollback_failed")
        assert [each.status for each in ended.contracts] == ["rollback_failed"] * 2


async def test_what_is_accepted_leaves_the_plans_other_actions_as_they_are(play: Play) -> None:
    async with play.open():
        mission_id = await first_proven(play, "other-db")
        await play.work("revert", failure="changed by somebody else")
        await play.work("observe", play.make.after)
        await play.mission_until(mission_id, "needs_attention")
        assert len(await play.holds()) == 2
        await give_up(play, mission_id, "accept")
        mission = await play.mission_until(mission_id, "failed")
        assert [each.status for each in mission.contracts] == ["verified", "failed"]
        assert await play.told("agentic.problem_resolved") == []
        assert await play.holds() == []


async def test_a_death_at_every_edge_of_a_plan_leaves_it_undone_in_reverse_order(
    play: Play,
) -> None:
    soon = timedelta(milliseconds=30)
    order: list[str] = []

    async def work() -> None:
        while True:
            with contextlib.suppress(AssertionError):
                task = await play.claim_any(timeout=1)
                if task.spec.step == "revert":
                    order.append(str(task.spec.action_id))
                await play.report(task, _result(play, task))

    async with play.still(claim_for=soon, poll_interval=soon) as runtime:
        mission_id = await play.start(*two(play))
        doomed, advance = Doomed(runtime, every_act=False), loops.Advance(runtime.settings)

        async def tick_until_closed() -> bool:
            doomed.begin()
            with contextlib.suppress(Died):
                await advance.tick(doomed)
            rows = await play.house.rows("verification", "select closed_at from missions")
            return rows[0]["closed_at"] is not None

        robot = asyncio.create_task(work())
        try:
            await eventually(tick_until_closed, timeout=60)
        finally:
            robot.cancel()
        await play.mission_until(mission_id, "rolled_back")
        assert order == ["action-2", "action-1"]
        assert await statuses(play) == ["rolled_back"] * 2
        assert len(await eventually(lambda: play.told("verification.mission.closed"))) == 1
        assert await play.holds() == []


def _result(play: Play, task: ClaimedTask) -> str:
    word = task.spec.key.partition(":")[2]
    if word == "apply":
        return play.make.applied()
    if word == "measure:1":
        return json.dumps(DRIFT if task.spec.action_id == "action-2" else play.make.good)
    results = {"restored": play.make.before, "measure:2": play.make.good}
    return json.dumps(results.get(word, {"after": {}}))


async def test_whoever_waits_for_a_target_comes_in_turn_shows_and_expires(play: Play) -> None:
    async with play.open() as services:
        first = await play.start()
        acting = await play.claim("apply")
        waiting = []
        for _ in range(2):
            mission_id = await play.start(baseline=False)
            await eventually(lambda mission_id=mission_id: play.contract_is(mission_id, "waiting"))
            waiting.append(mission_id)
        (hold,) = (
            await (await play.actor("gateway")).call(ListTargetHolds(tenant_id="default", limit=9))
        ).holds
        assert (hold.target, hold.mission_id, hold.status) == ("shop-db", first, "executing")
        assert [each.mission_id for each in hold.waiting] == waiting
        assert hold.waiting[0].waits_until > hold.waiting[0].waiting_since
        # The second has waited for longer than is wanted; it came later, and goes all the same.
        await play.write(
            "update action_contracts set waiting_since = waiting_since - interval '1 day',"
            f" next_at = now() where mission_id = '{waiting[1]}'"
        )
        services["verification"].wake(loops.Advance)
        await play.mission_until(waiting[1], "expired")
        await play.report(acting, play.make.applied())
        await play.work("observe", play.make.good)
        assert (await play.apply()).spec.mission_id == waiting[0]


async def test_nobody_takes_a_target_before_those_who_wait_for_it(play: Play) -> None:
    async with play.still() as runtime:
        advance = loops.Advance(runtime.settings)
        await play.start()
        await advance.tick(runtime)
        earlier = await play.start(baseline=False)
        await eventually(lambda: _ticked(play, advance, runtime, earlier, "waiting"))
        await play.write("delete from target_holds")
        await play.write(
            "update action_contracts set next_at = now() + interval '1 hour'"
            f" where mission_id = '{earlier}'"
        )
        late = await play.start(baseline=False)
        await eventually(lambda: _ticked(play, advance, runtime, late, "waiting"))
        await play.write(
            f"update action_contracts set next_at = now() where mission_id = '{earlier}'"
        )
        await eventually(lambda: _ticked(play, advance, runtime, earlier, "holding", "executing"))


async def _ticked(
    play: Play, advance: loops.Advance, runtime: object, mission_id: str, *wanted: str
) -> bool:
    await advance.tick(runtime)  # type: ignore[arg-type]
    rows = await play.house.rows(
        "verification", "select status from action_contracts where mission_id = $1", mission_id
    )
    return rows[0]["status"] in wanted


async def test_an_action_whose_before_state_is_gone_rests_as_one_to_undo_with_its_plan(
    play: Play,
) -> None:
    async with play.open():
        mission_id = await play.start(*two(play))
        await play.apply()
        await play.work("observe", play.make.good)
        await eventually(lambda: play.house.rows("verification", "select from safe_hold_snapshots"))
        await play.write(
            "UPDATE safe_hold_snapshots SET state = overlay(state placing 'AAAA' from 60)"
        )
        await play.apply()
        await play.work("observe", DRIFT)
        await restore(play)
        mission = await play.mission_until(mission_id, "needs_attention")
        assert [each.status for each in mission.contracts] == ["needs_attention", "rolled_back"]
        (needed,) = await eventually(lambda: play.told("verification.attention.needed"))
        assert (needed["undoing"], needed["contract_id"]) == (
            True,
            mission.contracts[0].contract_id,
        )
        await give_up(play, mission_id, "close")
        mission = await play.mission_until(mission_id, "rollback_failed")
        assert [each.status for each in mission.contracts] == ["rollback_failed", "rolled_back"]
