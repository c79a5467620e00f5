"""Hourly figures: exact, the same however often they are made, and complete after an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import mean, quantiles
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client import REGISTRY

from grace.contracts.htm import ExplainTask, GetTaskMetrics, Spread, SteerTask, TaskMetrics
from grace.htm.loops import RollUp
from grace.htm.settings import Settings
from grace.kit import GraceError

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

    from grace.testkit import House

HOUR = timedelta(hours=1)
MANY = """
INSERT INTO htm_tasks (id, tenant_id, type, kernel, origin, status, priority, order_key,
    max_attempts, spec, spec_size_bytes, data_size_bytes, created_at, queued_at, finished_at,
    updated_at, sla_deadline_at)
SELECT gen_random_uuid(), 'default', 't' || n, 'k', 'o', 'cancelled', 0, now(), 3, '{}', 2, 2,
       now(), now(), now(), now(), now()
  FROM generate_series(1, 1001) AS n RETURNING id
"""
# Tasks of a type that ended so many hours ago; $3: seconds of waiting, execution and room.
ENDED = """
INSERT INTO htm_tasks (id, tenant_id, type, kernel, origin, status, priority, order_key,
    attempt_number, max_attempts, lapses, worker_component, worker_id, worker_key_id, spec,
    spec_size_bytes, data_size_bytes, created_at, queued_at, assigned_at, started_at, finished_at,
    updated_at, sla_deadline_at)
SELECT gen_random_uuid(), 'default', $1, 'k', 'o', $2, 0, now(), $4, 3, 0, 'worker', 'w', 'k', '{}',
       2, 2, born, born + interval '1 s', born + (1 + n) * interval '1 s',
       born + (1 + n) * interval '1 s', born + (1 + 3 * n) * interval '1 s', now(),
       born + interval '100 s'
  FROM (SELECT n, date_trunc('hour', now(), 'UTC') - $5::int * interval '1 hour' AS born
          FROM unnest($3::int[]) AS n) AS numbers RETURNING id
"""


@pytest.fixture(autouse=True)
async def leader(house: House) -> None:
    """Hours are rolled up by the test alone: it leads before htm starts."""
    htm = await house.act_as("htm")
    assert await htm.leadership.holds("rollup")


def observed(name: str, type_: str) -> tuple[float, float]:
    """How often Prometheus was told such a time, and their sum."""
    found = (f"grace_htm_{name}_seconds_{part}" for part in ("count", "sum"))
    count, total = (REGISTRY.get_sample_value(each, {"type": type_}) or 0 for each in found)
    return count, total


async def ended(
    crew: Crew, *numbers: int, type_: str = "t", status: str = "succeeded", attempts: int = 1,
    hours_ago: int = 2,
) -> None:  # fmt: skip
    await crew.house.rows("htm", ENDED, type_, status, list(numbers), attempts, hours_ago)


async def roll_up(crew: Crew, **settings: Any) -> int:
    loop, ticks = RollUp(Settings(**settings)), 0
    while await loop.tick(crew.htm):
        ticks += 1
    return ticks


async def figures(crew: Crew, **how: Any) -> TaskMetrics:
    gateway = await crew.house.act_as("gateway")
    now = datetime.now(UTC)
    window = {"tenant_id": "default", "since": now - 30 * HOUR, "until": now + HOUR}
    return await gateway.call(GetTaskMetrics(**window | how))


async def test_an_hour_has_exact_figures(crew: Crew) -> None:
    numbers = list(range(1, 31))
    await ended(crew, *numbers)
    await ended(crew, 40, status="dead_letter", attempts=3)
    await ended(crew, 1, status="succeeded", attempts=2)
    await roll_up(crew)
    (hour,) = (await figures(crew)).hours
    waits = sorted([*numbers, 40, 1])
    for spread, factor, more in ((hour.queue, 1, 0), (hour.execution, 2, 0), (hour.total, 3, 1)):
        values = [factor * n + more for n in waits]
        cuts = quantiles(values, n=100, method="inclusive")
        assert spread.avg == pytest.approx(mean(values))
        assert [spread.p50, spread.p95, spread.p99] == pytest.approx([cuts[49], cuts[94], cuts[98]])
    counts = hour.counts
    assert (counts.tasks, counts.succeeded, counts.dead_letter) == (32, 31, 1)
    assert (counts.retried, counts.retried_succeeded, counts.attempts) == (2, 1, 35)
    assert counts.success_rate == pytest.approx(31 / 32)
    assert (counts.breached, counts.sla_rate) == (1, pytest.approx(31 / 32))
    assert hour.settled


async def test_types_and_hours_have_rows_of_their_own_and_totals_add_up(crew: Crew) -> None:
    await ended(crew, 1, 2)
    await ended(crew, 3, hours_ago=3)
    await ended(crew, 4, type_="u", status="cancelled")
    await roll_up(crew)
    found = await figures(crew)
    assert [(each.type, each.counts.tasks) for each in found.hours] == [
        ("t", 2),
        ("u", 1),
        ("t", 1),
    ]
    totals = {each.type: each.counts for each in found.totals}
    assert totals["t"].tasks == 3
    assert (totals["u"].success_rate, totals["u"].sla_rate) == (None, None)
    assert [each.type for each in (await figures(crew, type="u")).hours] == ["u"]
    assert (await figures(crew, tenant_id="acme")).hours == ()
    none = await figures(crew, until=found.hours[-1].hour)
    assert none.hours == ()


async def test_rolling_up_twice_changes_nothing_and_an_open_hour_follows_its_tasks(
    crew: Crew,
) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "completed"))
    await crew.rests_as("succeeded", task.task_id)
    assert await roll_up(crew) == 1
    (before,) = (await figures(crew)).hours
    assert (before.settled, before.counts.tasks) == (False, 1)
    assert await roll_up(crew) == 0, "an hour rests before it is rolled up again"
    other = await crew.claimed()
    await crew.worker.report(crew.update(other, "completed"))
    await crew.rests_as("succeeded", other.task_id)
    await crew.house.rows(
        "htm", "UPDATE htm_metric_hours SET rolled_at = rolled_at - interval '2 h' RETURNING hour"
    )
    assert await roll_up(crew) >= 1
    assert sum(each.counts.tasks for each in (await figures(crew)).hours) == 2


async def test_after_an_outage_every_hour_is_made_up_for(crew: Crew) -> None:
    await ended(crew, 1, hours_ago=20)
    assert await roll_up(crew) == 21
    await crew.house.rows(
        "htm", "DELETE FROM htm_metric_hours WHERE hour > now() - interval '10 h' RETURNING hour"
    )
    await ended(crew, 2, hours_ago=5)
    assert await roll_up(crew) >= 10
    assert [each.counts.tasks for each in (await figures(crew)).hours] == [1, 1]


async def test_a_settled_hour_outlives_its_tasks(crew: Crew) -> None:
    await ended(crew, 1, hours_ago=3)
    await roll_up(crew)
    await crew.house.rows("htm", "DELETE FROM htm_tasks RETURNING id")
    await roll_up(crew)
    assert len((await figures(crew)).hours) == 1


async def test_more_figures_than_fit_are_refused_with_what_to_do(crew: Crew) -> None:
    await crew.house.rows("htm", MANY)
    await roll_up(crew)
    with pytest.raises(GraceError, match="shorter time") as caught:
        await figures(crew)
    assert caught.value.kind == "invalid"


async def steer(crew: Crew, task_id: str, act: str) -> None:
    gateway = await crew.house.act_as("gateway")
    order = SteerTask(tenant_id="default", task_id=task_id, act=act, principal="ada")
    await gateway.call(order)


async def an_hour_passes(crew: Crew) -> None:
    for column in ("created_at", "queued_at", "assigned_at", "started_at"):
        await crew.let_pass(column)
    await crew.house.rows(
        "htm",
        "UPDATE htm_task_attempts SET assigned_at = assigned_at - interval '1 h',"
        " started_at = started_at - interval '1 h', finished_at = finished_at - interval '1 h'"
        " RETURNING task_id",
    )


async def test_what_ends_before_its_time_has_neither_queue_nor_total(crew: Crew) -> None:
    later = datetime.now(UTC) + 5 * HOUR
    (early,) = await crew.submit(crew.spec(run_at=later, type="early"))
    await crew.submit(crew.spec(key="p", kernel="other"))
    await crew.submit(crew.spec(run_at=later, type="early.child", parent_key="p"))
    await steer(crew, early.task_id, "cancel")
    (parent,) = await crew.claim(kernels=("other",))
    await crew.done(parent, "failed", error_class="user")
    await crew.follow()
    await roll_up(crew)
    for type_ in ("early", "early.child"):
        (hour,) = (await figures(crew, type=type_)).hours
        assert (hour.counts.cancelled, hour.total, hour.queue) == (1, Spread(), Spread())
    assert observed("total", "early.child") == (0, 0)
    assert observed("queue", "early.child") == (0, 0)


async def test_only_what_was_queued_has_a_queue_time(crew: Crew) -> None:
    await crew.submit(crew.spec(key="before", kernel="other", type="queue.before"))
    (cancelled, expired) = await crew.submit(
        crew.spec(depends_on_keys=("before",), type="queue.cancelled", sla_ms=2**31),
        crew.spec(depends_on_keys=("before",), type="queue.expired"),
    )
    (queued,) = await crew.submit(crew.spec(type="queue.queued"))
    await an_hour_passes(crew)
    await crew.let_pass("expires_at")
    await crew.expired(expired.task_id)
    assert await crew.standing(cancelled.task_id, queued.task_id) == ["cancelled", "expired"]
    await roll_up(crew)
    found = {each.type: each for each in (await figures(crew)).hours}
    for type_ in ("queue.cancelled", "queue.expired"):
        assert found[type_].queue == Spread()
        assert (found[type_].total.avg or 0) > 3600
        assert observed("queue", type_) == (0, 0)
    assert (found["queue.queued"].queue.avg or 0) > 3600
    assert observed("queue", "queue.queued")[0] == 1


async def test_a_parent_has_executed_when_its_own_work_is_done(crew: Crew) -> None:
    await crew.submit(
        crew.spec(key="p", type="family.parent"),
        crew.spec(parent_key="p", kernel="other", type="family.child"),
    )
    (parent,) = await crew.claim()
    await crew.done(parent)
    await an_hour_passes(crew)
    (child,) = await crew.claim(kernels=("other",))
    await crew.done(child)
    assert await crew.standing(parent.task_id) == ["succeeded"]
    await roll_up(crew)
    (hour,) = (await figures(crew, type="family.parent")).hours
    assert 0 <= (hour.execution.p95 or 0) < 60
    assert hour.execution.p95 is not None
    assert (hour.total.p95 or 0) > 3600
    count, seconds = observed("execution", "family.parent")
    assert (count, seconds < 60) == (1, True)
    (other,) = await crew.submit(crew.spec(type="family.parent"))
    gateway = await crew.house.act_as("gateway")
    why = await gateway.call(ExplainTask(tenant_id="default", task_id=other.task_id))
    assert why.sla_state == "ok"


async def test_a_parent_that_ends_from_the_queue_did_not_queue_until_its_children_ended(
    crew: Crew,
) -> None:
    parent, _ = await crew.submit(
        crew.spec(key="p", type="left.parent"), crew.spec(parent_key="p", kernel="other")
    )
    (child,) = await crew.claim(kernels=("other",))
    await steer(crew, parent.task_id, "cancel")
    await an_hour_passes(crew)
    await crew.done(child)
    assert await crew.standing(parent.task_id) == ["cancelled"]
    await roll_up(crew)
    (hour,) = (await figures(crew, type="left.parent")).hours
    assert (hour.queue, observed("queue", "left.parent")) == (Spread(), (0, 0))


async def test_figures_that_were_stored_below_zero_are_left_out(crew: Crew) -> None:
    await ended(crew, 1, 2)
    await roll_up(crew)
    await crew.house.rows(
        "htm", "UPDATE htm_metrics SET total_avg = 1, total_p50 = -18000 RETURNING hour"
    )
    (hour,) = (await figures(crew)).hours
    assert (hour.total, hour.counts.tasks) == (Spread(), 2)
    assert hour.execution.p50 is not None
