"""Late looks on real servers: quiet, returned, unknown, overtaken."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from grace.testkit import eventually

if TYPE_CHECKING:
    from conftest import Play

SOON = {
    "watch_after": (timedelta(milliseconds=200), timedelta(milliseconds=1500)),
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


async def test_a_fault_that_returns_opens_the_mission_again_as_a_revision(play: Play) -> None:
    async with play.open(**SOON):
        mission_id = await verified(play)
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
        assert "the fault is back 0.2 s later: waiting: measured 3" in reopened["reason"]
        (error,) = await eventually(lambda: told(play, "error.detected", 1))
        assert (error["kind"], error["target"]) == ("postgres.runaway_query", "shop-db")
        assert (error["source"], error["requested_by"]) == ("verification", "admin")

        mission = await play.mission_until(mission_id, "verified")
        assert mission.reopened_at is not None
        (contract,) = mission.contracts
        assert (contract.revision, contract.revised_verdict) == (2, "failed")
        assert len(await told(play, "verification.mission.closed", 1)) == 1


async def told(play: Play, subject: str, count: int) -> list[dict[str, Any]]:
    found = await play.told(subject)
    assert len(found) == count
    return found


async def test_what_still_holds_or_cannot_be_measured_stays_as_it_was_told(play: Play) -> None:
    async with play.open(**SOON):
        mission_id = await verified(play)
        await play.work("observe", play.make.good)
        await play.work("observe", failure="no statistics", error_class="user")
        await looks_are(play, "quiet", "unknown")
        mission = await play.mission_until(mission_id, "verified")
        assert mission.reopened_at is None
        assert mission.contracts[0].revised_verdict is None
        assert await play.told("verification.mission.reopened") == []
        assert len(await play.told("verification.action.closed")) == 1
        lines = [line.summary for line in await play.timeline(mission_id)]
        assert any(line.startswith("looked again after 0.2 s: quiet") for line in lines)
        assert any("unknown: not measured: no statistics" in line for line in lines)


async def test_a_target_that_another_mission_acts_on_tells_nothing_about_the_first(
    play: Play,
) -> None:
    async with play.open(**{**SOON, "watch_after": (timedelta(seconds=1),)}):
        await verified(play)
        await play.start(baseline=False)
        task = await play.claim("apply")  # the second mission holds the target
        await looks_are(play, "skipped")
        await play.report(task, failure="blocked: no permit")


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
