"""Single takes and late looks are forgotten once nothing can refer to them any more."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from grace.testkit import eventually
from grace.verification import loops
from grace.verification.settings import Settings

if TYPE_CHECKING:
    from conftest import Play

LATE = {
    "watch_after": (timedelta(milliseconds=200), timedelta(hours=1)),
    "watch_interval": timedelta(milliseconds=50),
    "takes_interval": timedelta(milliseconds=50),
}
LONG_AGO = "now() - interval '91 days'"
# An end as old as the take's own, so that only what is tested keeps it.
RUN = f"""
    INSERT INTO benchmark_runs (run_id, suite, tolerance, requested_by, baseline_ids, next_at, started_at)
    VALUES ('run-1', 'smoke', 0, 'admin', ARRAY['b'],
            now() + interval '1 hour', {LONG_AGO});
    INSERT INTO takes (take_id, run_id, look, measure, number, operation, target, params, timeout_ms,
                       by_source, status, due_at, deadline, measured, ended_at)
    VALUES ('run-1:1', 'run-1', 0, 'm', 1, 'http.get', 't', '{{}}', 1, true, 'measured', {LONG_AGO},
            {LONG_AGO}, '{{}}', {LONG_AGO});
"""


async def watched(play: Play) -> str:
    """A verified mission that was looked at once, and is to be looked at again."""
    mission_id = await play.start()
    await play.apply()
    await play.work("observe", play.make.good)
    await play.mission_until(mission_id, "verified")
    await play.work("observe", play.make.good)

    async def is_quiet() -> bool:
        rows = await play.house.rows("verification", "SELECT status FROM watches ORDER BY look")
        return [row["status"] for row in rows] == ["quiet", "due"]

    await eventually(is_quiet)
    return mission_id


async def left(play: Play) -> tuple[int, int]:
    """How many takes and looks there are."""
    (row,) = await play.house.rows(
        "verification", "SELECT (SELECT count(*) FROM takes) t, (SELECT count(*) FROM watches) w"
    )
    return row["t"], row["w"]


async def test_takes_and_looks_go_when_contract_and_mission_ended_long_ago(play: Play) -> None:
    async with play.open(**LATE) as services:
        mission_id = await watched(play)
        prune = loops.Prune(Settings(**services["verification"].settings.model_dump()))

        async def pruned() -> tuple[int, int]:
            assert await prune.tick(services["verification"]) is False
            return await left(play)

        there = await left(play)
        assert there[0] >= 1
        await play.write(
            f"UPDATE takes SET ended_at = {LONG_AGO}; UPDATE watches SET ended_at = {LONG_AGO}"
            f" WHERE ended_at IS NOT NULL; UPDATE action_contracts SET closed_at = {LONG_AGO};"
            f" UPDATE missions SET closed_at = {LONG_AGO}"
        )
        assert await pruned() == there  # it is looked at again
        await play.write(
            f"UPDATE watches SET status = 'skipped', next_at = NULL, ended_at = {LONG_AGO}"
            " WHERE next_at IS NOT NULL; UPDATE missions SET closed_at = now()"
        )
        assert await pruned() == there  # its mission ended lately
        await play.write(f"UPDATE missions SET closed_at = {LONG_AGO}")
        assert await pruned() == (0, 0)
        mission = await play.mission_until(mission_id, "verified")
        assert mission.contracts[0].status == "verified"


async def test_takes_of_a_run_go_when_it_ended_long_ago(play: Play) -> None:
    async with play.open(baselines_interval=timedelta(hours=1)) as services:
        prune = loops.Prune(Settings(**services["verification"].settings.model_dump()))
        await play.write(RUN)
        await prune.tick(services["verification"])
        assert await left(play) == (1, 0)
        await play.write(
            "UPDATE benchmark_runs SET status = 'passed', checks = '[]', next_at = NULL,"
            f" ended_at = {LONG_AGO}"
        )
        await prune.tick(services["verification"])
        assert await left(play) == (0, 0)
