"""Late looks on real servers: quiet, returned, unknown, overtaken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grace.contracts.verification import ListMissions
from grace.testkit import eventually
from grace.verification.domain.contract import Comparison, Expectation, Measure, Measurement

if TYPE_CHECKING:
    from conftest import Play

SOON = {
    "watch_after": (timedelta(hours=1), timedelta(hours=2)),  # a test says when that is
    "watch_interval": timedelta(milliseconds=50),
    "takes_interval": timedelta(milliseconds=50),
}


async def verified(play: Play, *actions: Any) -> str:
    mission_id = await play.start(*actions)
    await play.apply()
    await play.work("observe", play.make.good)
    await play.mission_until(mission_id, "verified")
    return mission_id


async def watches(play: Play) -> list[str]:
    rows = await play.house.rows("verification", "select status from watches order by look")
    return [row["status"] for row in rows]


async def looks_are(play: Play, *wanted: str) -> None:
    async def there() -> bool:
        return await watches(play) == list(wanted)

    await eventually(there, timeout=10)


async def due(play: Play, look: int = 1, *, since: str = "0 min") -> None:
    await play.house.rows(
        "verification",
        f"UPDATE watches SET due_at = now() - '{since}'::interval, next_at = now() WHERE look = {look}",
    )


async def test_a_fault_that_returns_opens_the_mission_again_as_a_revision(play: Play) -> None:
    async with play.open(**SOON):
        mission_id = await verified(play)
        await due(play, 1)
        late = await play.work("observe", {**play.make.good, "waiting": 3})
        assert late.spec.capability is None
        assert late.spec.operation == "postgres.activity"
        await looks_are(play, "returned", "skipped")

        first, second = await eventually(lambda: told(play, "verification.action.closed", 2))
        assert (first["revision"], first["verdict"]) == (1, "verified")
        assert (second["revision"], second["verdict"], second["executed"]) == (2, "failed", True)
        named = ("contract_id", "playbook", "target_class")
        assert [second[each] for each in named] == [first[each] for each in named]
        (reopened,) = await told(play, "verification.mission.reopened", 1)
        assert reopened["mission_id"] == mission_id
        assert "the fault is back 60 min later: waiting: measured 3" in reopened["reason"]
        (error,) = await eventually(lambda: told(play, "error.detected", 1))
        assert (error["kind"], error["target"]) == ("postgres.runaway_query", "shop-db")
        assert (error["source"], error["requested_by"]) == ("verification", "admin")
        assert error["follows"] == mission_id  # who asked for it with them is known by it

        mission = await play.mission_until(mission_id, "verified")
        assert mission.reopened_at is not None
        (contract,) = mission.contracts
        assert (contract.revision, contract.revised_verdict) == (2, "failed")
        assert len(await told(play, "verification.mission.closed", 1)) == 1
        assert (await listed(play, "verified"), await listed(play, "reopened")) == (
            [],
            [mission_id],
        )


async def test_a_look_says_how_late_it_is_and_one_that_is_too_late_is_left_out(play: Play) -> None:
    async with play.open(**SOON):
        mission_id = await verified(play)
        await due(play, 1, since="61 min")
        await looks_are(play, "skipped", "due")
        await due(play, 2, since="40 min")
        await play.work("observe", {**play.make.good, "waiting": 3})
        await looks_are(play, "skipped", "returned")
        (reopened,) = await told(play, "verification.mission.reopened", 1)
        assert "the fault is back 160 min later" in reopened["reason"]
        lines = [line.summary for line in await play.timeline(mission_id)]
        assert any(
            "the look after 60 min: not taken: 61 min late, it says nothing" in line
            for line in lines
        )


async def listed(play: Play, status: str) -> list[str]:
    question = ListMissions(tenant_id="default", limit=10, status=status)
    page = await (await play.actor("gateway")).call(question)
    return [mission.mission_id for mission in page.missions]


async def told(play: Play, subject: str, count: int) -> list[dict[str, Any]]:
    found = await play.told(subject)
    assert len(found) == count
    return found


async def test_what_still_holds_or_cannot_be_measured_stays_as_it_was_told(play: Play) -> None:
    async with play.open(**SOON):
        mission_id = await verified(play)
        await due(play, 1)
        await play.work("observe", play.make.good)
        await looks_are(play, "quiet", "due")
        await due(play, 2)
        await play.work("observe", failure="no statistics", error_class="user")
        await looks_are(play, "quiet", "unknown")
        mission = await play.mission_until(mission_id, "verified")
        assert mission.reopened_at is None
        assert mission.contracts[0].revised_verdict is None
        assert await play.told("verification.mission.reopened") == []
        assert len(await play.told("verification.action.closed")) == 1
        lines = [line.summary for line in await play.timeline(mission_id)]
        assert any(line.startswith("looked again after 60 min: quiet") for line in lines)
        assert any("unknown: not measured: no statistics" in line for line in lines)


def tolerant(play: Play) -> Any:
    """An action with a measure of which one take in two may fail."""
    locks = Measure(
        "locks",
        Measurement("postgres.activity", "other-db", '{"seconds":1}', 5000),
        (Expectation("waiting", Comparison.AT_MOST, 0.0),),
        count=2,
        failures_at_most=1,
    )
    return play.make.action(measures=(locks,))


async def measured(play: Play, *locks: int) -> None:
    """Report the contract's own measurement as good, and these takes of its measure."""
    waiting = list(locks)
    for task in [await play.claim("observe") for _ in range(1 + len(locks))]:
        is_own = task.spec.target == "shop-db"
        await play.report(task, play.make.good if is_own else {"waiting": waiting.pop()})


async def test_a_failure_that_the_contract_tolerates_is_no_return_until_there_are_more(
    play: Play,
) -> None:
    async with play.open(**SOON):
        mission_id = await play.start(tolerant(play))
        await play.apply()
        await measured(play, 0, 3)
        await play.mission_until(mission_id, "verified")
        await due(play, 1)
        await measured(play, 0, 3)
        await looks_are(play, "quiet", "due")
        await due(play, 2)
        await measured(play, 3, 3)
        await looks_are(play, "quiet", "returned")


async def test_takes_that_a_look_was_decided_without_are_dropped_with_an_earlier_look(
    play: Play,
) -> None:
    async with play.open(**SOON):
        mission_id = await play.start(tolerant(play))
        await play.apply()
        await measured(play, 0, 0)
        await play.mission_until(mission_id, "verified")
        await due(play, 1)
        for _ in range(3):
            await play.claim("observe")  # and nobody reports them
        await due(play, 2)
        tasks = [await play.claim("observe") for _ in range(3)]
        (own,) = [task for task in tasks if task.spec.target == "shop-db"]
        await play.report(own, {**play.make.good, "waiting": 3})
        await looks_are(play, "skipped", "returned")

        async def dropped() -> bool:
            rows = await play.house.rows(
                "verification", "SELECT status FROM takes WHERE look > 0 ORDER BY status"
            )
            return [row["status"] for row in rows] == ["dropped"] * 5 + ["measured"]

        await eventually(dropped, timeout=10)


LATER = {**SOON, "watch_after": (timedelta(hours=1),), "poll_interval": timedelta(milliseconds=100)}


async def postponed(play: Play) -> bool:
    rows = await play.house.rows(
        "verification", "SELECT status, version, next_at > due_at AS later FROM watches"
    )
    return [(row["status"], row["version"], row["later"]) for row in rows] == [("due", 1, True)]


async def test_a_look_waits_for_the_mission_that_acts_on_the_target(play: Play) -> None:
    async with play.open(**LATER):
        await verified(play)
        other = await play.start(baseline=False)
        task = await play.claim("apply")  # the other mission holds the target
        await due(play)
        await eventually(lambda: postponed(play))
        await play.report(task, failure="blocked: no permit")
        await play.mission_until(other, "blocked")
        await play.work("observe", play.make.good)
        await looks_are(play, "quiet")


async def test_a_target_that_another_mission_has_changed_tells_nothing_about_the_first(
    play: Play,
) -> None:
    async with play.open(**LATER):
        await verified(play)
        await verified(play)
        await due(play)

        async def overtaken() -> bool:
            return sorted(await watches(play)) == ["measuring", "skipped"]

        await eventually(overtaken, timeout=10)


def scaled(play: Play, sequence: int, target: str, expected: Expectation) -> Any:
    return play.make.action(
        action_id=f"action-{sequence}",
        sequence=sequence,
        target=target,
        definitions=((target, "d" * 64),),
        expectations=(expected,),
        measurement=Measurement("postgres.activity", target, '{"seconds":4}', 30_000),
    )


async def test_of_the_steps_of_a_plan_on_one_target_the_last_is_looked_at_again(
    play: Play,
) -> None:
    none = Expectation("replicas", Comparison.AT_MOST, 0.0)
    one = Expectation("replicas", Comparison.AT_LEAST, 1.0)
    drain, restore = scaled(play, 0, "shop-db", none), scaled(play, 1, "shop-db", one)
    async with play.open(**LATER):
        mission_id = await play.start(drain, restore, scaled(play, 2, "other-db", none))
        for replicas in (0, 1, 0):
            await play.apply()
            await play.work("observe", {"replicas": replicas})
        await play.mission_until(mission_id, "verified")
        assert await watched(play) == [1, 2]
        await due(play)
        for _ in range(2):
            task = await play.claim("observe")
            await play.report(task, {"replicas": int(task.spec.target == "shop-db")})
        await looks_are(play, "quiet", "quiet")
        assert (await play.mission_until(mission_id, "verified")).reopened_at is None


async def watched(play: Play) -> list[int]:
    rows = await play.house.rows(
        "verification",
        "SELECT c.sequence FROM watches w JOIN action_contracts c USING (contract_id) ORDER BY 1",
    )
    return [row["sequence"] for row in rows]


async def acts(play: Play, ending: str) -> None:
    """Another mission takes the target, and goes as far as this."""
    mission_id = await play.start(baseline=False)
    task = await play.claim("apply")
    if ending == "blocked":
        await play.report(task, failure="blocked: no permit")
    elif ending == "rolled_back":
        await play.report(task, play.make.applied())
        await play.work("observe", {**play.make.good, "waiting": 3})
        await play.work("revert", {"after": {}})
        await play.work("observe", play.make.before)
        await play.work("observe", play.make.good)
    await play.mission_until(mission_id, ending)


@pytest.mark.parametrize(
    ("ending", "found"),
    [("acting", "skipped"), ("rolled_back", "skipped"), ("blocked", "returned")],
)
async def test_a_look_during_which_another_mission_acted_takes_nothing_back(
    play: Play, ending: str, found: str
) -> None:
    async with play.open(**LATER):
        mission_id = await verified(play)
        await due(play)
        look = await play.claim("observe")
        await acts(play, ending)
        await play.report(look, {**play.make.good, "waiting": 3})
        await looks_are(play, found)
        is_back = found == "returned"
        mission = await play.mission_until(mission_id, "verified")
        assert (mission.reopened_at is not None) == is_back
        assert await play.heard(mission_id, "verification.mission.reopened", int(is_back))
        lines = [line.summary for line in await play.timeline(mission_id)]
        assert any("tells nothing: another mission acted" in line for line in lines) != is_back


@pytest.mark.parametrize("ending", ["blocked", "inconclusive"])
async def test_only_what_was_verified_is_looked_at_again(play: Play, ending: str) -> None:
    async with play.open(**SOON):
        mission_id = await play.start()
        if ending == "blocked":
            await play.work("apply", failure="blocked: no permit")
        else:
            await play.apply()
            await play.work("observe", failure="no statistics", error_class="user")
        await play.mission_until(mission_id, ending)
        assert await watches(play) == []
