"""postgres.activity: measured at the database itself."""

import asyncio
from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from grace.worker.kernels.operation import Role
from grace.worker.kernels.postgres.activity import (
    Activity,
    ActivityParams,
    Sample,
    summary,
)
from grace.worker.kernels.postgres.set_database_setting import (
    SetDatabaseSetting,
    SetDatabaseSettingParams,
)
from grace.worker.kernels.postgres.terminate_blockers import (
    TerminateBlockers,
    TerminateBlockersParams,
)

pytestmark = pytest.mark.usefixtures("short_seconds")
Shop = Any
END = TerminateBlockers()
SET = SetDatabaseSetting()
AT_ONCE = TerminateBlockersParams(min_idle_seconds=0)
FIVE = SetDatabaseSettingParams(name="statement_timeout", value="5ms")


async def load(shop: Shop, statement: str, stop: asyncio.Event) -> int:
    """Connect, run one statement, leave; again and again. Returns how often it was tried."""
    tries = 0
    while not stop.is_set():
        args = shop.server.connect_args(shop.database)
        session = await asyncpg.connect(**args)
        try:
            await session.execute(statement)
        except asyncpg.PostgresError:
            pass
        finally:
            await session.close()
        tries += 1
        await asyncio.sleep(0.01)
    return tries


@pytest.mark.parametrize(
    ("statement", "error_rate"), [("UPDATE items SET n = 1", 0.0), ("SELECT 1 / 0", 1.0)]
)
async def test_activity_counts_work_and_errors_net_of_sessions(
    shop: Shop, statement: str, error_rate: float
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(load(shop, statement, stop))
    params = ActivityParams(seconds=2, warmup_seconds=1)
    seen = await Activity().observe(shop.ctx(Role.OBSERVE), params)
    stop.set()
    await running
    assert seen["error_rate"] == pytest.approx(error_rate, abs=0.1)
    throughput = seen["throughput"]
    assert isinstance(throughput, float)
    assert (throughput > 0) == (error_rate == 0)
    assert seen["waiting"] == 0
    series = seen["series"]
    assert isinstance(series, dict)
    assert {len(values) for values in series.values() if isinstance(values, list)} == {2}


async def test_activity_of_a_still_database_has_no_error_rate(shop: Shop) -> None:
    params = ActivityParams(seconds=1, warmup_seconds=1)
    told: list[int] = []
    ctx = replace(shop.ctx(Role.OBSERVE), tell=lambda percent, _: told.append(percent))
    seen = await Activity().observe(ctx, params)
    assert told == [33, 66, 100]
    assert (seen["throughput"], seen["error_rate"], seen["waiting"]) == (0, None, 0)


async def test_activity_sees_who_is_stuck(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    async with shop.blocked(blocker):
        params = ActivityParams(seconds=1, warmup_seconds=0)
        seen = await Activity().observe(shop.ctx(Role.OBSERVE), params)
    assert seen["waiting"] == 1


def test_a_slow_second_counts_as_long_as_it_was() -> None:
    samples = [Sample(0, 0, 0, 0, 0), Sample(2, 100, 0, 0, 3), Sample(3, 150, 50, 50, 0)]
    seen = summary(samples)
    assert seen["throughput"] == 25
    assert seen["error_rate"] == 50 / 150
    assert seen["waiting"] == 3


async def test_who_is_stuck_is_seen_by_a_role_that_is_shown_nothing_else(shop: Shop) -> None:
    blocker = await shop.connect("careless")
    blind = replace(shop.target, observe=replace(shop.target.observe, user="blind"))
    async with shop.blocked(blocker):
        ctx = replace(shop.ctx(Role.OBSERVE), target=blind)
        seen = await Activity().observe(ctx, ActivityParams(seconds=1, warmup_seconds=0))
        assert seen["waiting"] == 1
