"""Tasks with a time of their own: nobody begins them before, and nothing else about them differs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import ExplainTask, SteerTask
from grace.htm.loops import Promote
from grace.htm.settings import Settings
from grace.kit import GraceError

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

HOUR = timedelta(hours=1)


async def test_a_task_is_claimed_from_its_time_on_and_not_before(crew: Crew) -> None:
    at = datetime.now(UTC) + HOUR
    (submitted,) = await crew.submit(crew.spec(run_at=at, sla_ms=60_000))
    task = await crew.task(submitted.task_id)
    assert (task.status, task.run_at) == ("scheduled", at)
    assert task.sla_deadline_at == at + timedelta(minutes=1)
    await Promote(Settings()).tick(crew.htm)
    assert await crew.claim() == []
    await crew.let_pass("not_before")
    await Promote(Settings()).tick(crew.htm)
    (claimed,) = await crew.claim()
    assert claimed.task_id == submitted.task_id


async def test_a_time_that_has_passed_is_now(crew: Crew) -> None:
    await crew.submit(crew.spec(run_at=datetime.now(UTC) - HOUR, sla_ms=60_000))
    (claimed,) = await crew.claim()
    task = await crew.task(claimed.task_id)
    assert task.sla_deadline_at == task.created_at + timedelta(minutes=1)


async def test_the_loop_knows_when_the_next_task_is_due(crew: Crew) -> None:
    promote = Promote(Settings())
    assert await promote.tick(crew.htm) is False
    now = datetime.now(UTC)
    await crew.submit(crew.spec(run_at=now + HOUR), crew.spec(run_at=now + 2 * HOUR))
    rest = await promote.tick(crew.htm)
    assert isinstance(rest, timedelta)
    assert HOUR - timedelta(minutes=1) < rest <= HOUR


async def test_a_scheduled_task_says_why_it_waits_and_can_be_cancelled(crew: Crew) -> None:
    (submitted,) = await crew.submit(crew.spec(run_at=datetime.now(UTC) + HOUR))
    gateway = await crew.house.act_as("gateway")
    asked = ExplainTask(tenant_id="default", task_id=submitted.task_id)
    reason = await gateway.call(asked)
    assert [block.kind for block in reason.blocks] == ["run_at"]
    task = await crew.task(submitted.task_id)
    assert reason.not_before_at == reason.estimated_start_at == task.run_at
    order = SteerTask(
        tenant_id="default", task_id=submitted.task_id, act="cancel", principal="ada"
    )  # fmt: skip
    assert (await gateway.call(order)).status == "cancelled"


async def test_a_time_that_nobody_means_is_refused_and_nothing_is_stored(crew: Crew) -> None:
    with pytest.raises(GraceError, match="before the year 2200") as caught:
        await crew.submit(crew.spec(), crew.spec(run_at=datetime(2200, 1, 1, tzinfo=UTC)))
    assert caught.value.kind == "invalid"
    assert await crew.house.rows("htm", "SELECT id FROM htm_tasks") == []
