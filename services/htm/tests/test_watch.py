"""What others can see of htm: pages, reasons, service levels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from grace.contracts.htm import (
    ExplainTask,
    ListTasks,
    Quota,
    SlaChange,
    TaskPage,
    TaskReason,
    TasksSlaChanged,
)
from grace.htm.domain.listing import PLENTY, Filters, window_of
from grace.htm.loops import Count, Expire, Warn
from grace.htm.metrics import QUEUED
from grace.htm.settings import Settings
from grace.htm.store.watch import Kernels
from grace.htm.store.watch.statements import QUERIES
from grace.kit import GraceError, new_id
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

WARN = Warn(Settings())


async def page(crew: Crew, **how: Any) -> TaskPage:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(ListTasks(**{"tenant_id": "default", "limit": 50} | how))


async def listed(crew: Crew, **how: Any) -> list[str]:
    return [task.task_id for task in (await page(crew, **how)).tasks]


async def why(crew: Crew, task_id: str, tenant: str = "default") -> TaskReason:
    gateway = await crew.house.act_as("gateway")
    return await gateway.call(ExplainTask(tenant_id=tenant, task_id=task_id))


async def changes(crew: Crew, count: int) -> list[SlaChange]:
    async def told() -> list[SlaChange]:
        messages = await crew.house.messages(TasksSlaChanged.SUBJECT)
        found = [t for m in messages for t in TasksSlaChanged.from_bytes(m.data).tasks]
        return found if len(found) == count else []

    found: list[SlaChange] = await eventually(told)
    return found


async def test_pages_go_back_in_time_and_show_everything_once(crew: Crew) -> None:
    ids = [each.task_id for each in await crew.submit(*(crew.spec() for _ in range(5)))]
    await crew.claim(2)
    first = await page(crew, limit=2)
    second = await page(crew, limit=2, before=first.next)
    third = await page(crew, limit=2, before=second.next)
    shown = [task.task_id for each in (first, second, third) for task in each.tasks]
    assert shown == sorted(ids, reverse=True)
    assert third.next is None


async def test_every_filter_narrows_a_page(crew: Crew) -> None:
    plain, other, foreign = await crew.submit(
        crew.spec(),
        crew.spec(
            kernel="http", origin="intent", type="http.get", mission_id="m-1", contract_id="c-1"
        ),
        crew.spec(tenant_id="acme"),
    )
    (claimed,) = await crew.claim()
    assert claimed.task_id in {plain.task_id, foreign.task_id}
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET created_at = created_at - interval '2 s' WHERE id = $1 RETURNING id",
        plain.task_id,
    )
    created = (await crew.task(other.task_id)).created_at
    for wanted in (
        {"kernel": "http"}, {"origin": "intent"}, {"type": "http.get"}, {"mission_id": "m-1"},
        {"contract_id": "c-1"}, {"mission_id": "m-1", "contract_id": "c-1"},
        {"mission_id": "m-1", "status": "queued"}, {"since": created},
    ):  # fmt: skip
        assert await listed(crew, **wanted) == [other.task_id], wanted
    for empty in (
        {"status": "failed"}, {"mission_id": "c-1"}, {"mission_id": "m-1", "contract_id": "c-2"},
        {"contract_id": "c-1", "status": "running"}, {"kernel": "noop", "origin": "intent"},
    ):  # fmt: skip
        assert await listed(crew, **empty) == [], empty
    assert await listed(crew, until=created) == [plain.task_id]
    assert await listed(crew, tenant_id="acme") == [foreign.task_id]
    states = await listed(crew, status="queued") + await listed(crew, status="assigned")
    assert sorted(states) == sorted([plain.task_id, other.task_id])


async def test_a_task_that_others_joined_is_on_one_page_once(crew: Crew) -> None:
    (oldest,) = await crew.submit()
    first, *_ = await crew.submit(
        *(crew.spec(unique_key="nightly", unique_policy="join") for _ in range(4))
    )
    (second,) = await crew.submit()
    shown = [task.task_id for task in (await page(crew, limit=3)).tasks]
    assert shown == [second.task_id, first.task_id, oldest.task_id]


async def test_what_waits_for_another_task_can_miss_its_deadline(crew: Crew) -> None:
    (first,) = await crew.submit()
    (second,) = await crew.submit(crew.spec(depends_on=(first.task_id,), sla_ms=1, step="revert"))
    await eventually(lambda: _is_breached(crew, second.task_id))


async def _is_breached(crew: Crew, task_id: str) -> bool:
    await Warn(Settings()).tick(crew.htm)
    (row,) = await crew.house.rows(
        "htm", "SELECT status, sla_state FROM htm_tasks WHERE id = $1", UUID(task_id)
    )
    return (row["status"], row["sla_state"]) == ("waiting", "breached")


async def test_a_page_of_what_is_not_there_is_refused_with_the_reason(crew: Crew) -> None:
    for wrong in ({"status": "perhaps"}, {"before": "no-uuid"}):
        with pytest.raises(GraceError, match=next(iter(wrong))) as caught:
            await page(crew, **wrong)
        assert caught.value.kind == "invalid"


async def test_a_page_touches_the_same_few_blocks_however_long_the_history_is(crew: Crew) -> None:
    await crew.house.rows("htm", FILL)
    for table in ("htm_tasks", "htm_task_keys"):
        await crew.house.rows("htm", f"VACUUM ANALYZE {table}")
    (size,) = await crew.house.rows(
        "htm", "SELECT pg_relation_size('htm.htm_tasks') / 8192 AS blocks"
    )
    assert size["blocks"] > 400
    for status in (None, "succeeded", "queued", "assigned", "failed"):
        assert await blocks_of(crew, Filters(status=status)) < 100, status
    assert await blocks_of(crew, Filters(mission_id="m-7")) < 100
    assert len(await listed(crew, status="succeeded")) == 50
    assert len(await listed(crew, mission_id="m-7")) == 1


async def blocks_of(crew: Crew, filters: Filters) -> int:
    """How many blocks Postgres looks at for a page of ids."""
    window = window_of(filters, before=None, limit=50)
    if filters.mission_id is not None:
        name, given = "ids_of_mission", {"mission_id": filters.mission_id}
    elif filters.status in PLENTY:
        name, given = "newest_ids", {}
    else:
        name, given = NAMES[filters.status], {"status": filters.status}
    values = {"tenant_id": "default", "before": window.before, "oldest": window.oldest}
    query = QUERIES[name]
    arguments = query.arguments({**values, **given, "most": window.most})
    role = await crew.house.role("htm")
    try:
        await role.execute("SET search_path TO htm")
        plan = await role.fetchval(
            f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query.text}", *arguments
        )
    finally:
        await role.close()
    top = json.loads(plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


async def test_a_queued_task_says_that_no_worker_asks_for_its_kernel(crew: Crew) -> None:
    (task,) = await crew.submit(crew.spec(kernel="lonely"))
    await crew.claim(kernels=("noop",))
    reason = await why(crew, task.task_id)
    assert [block.kind for block in reason.blocks] == ["no_worker"]
    assert "no worker has ever asked for tasks of kernel lonely" in reason.sentence
    await crew.claim(kernels=("lonely",))
    assert (await why(crew, task.task_id)).status == "assigned"


async def test_a_queued_task_knows_its_place_and_its_kernels_workers(crew: Crew) -> None:
    tasks = await crew.submit(*(crew.spec() for _ in range(4)))
    (held,) = await crew.claim()
    await crew.submit(crew.spec(origin="intent"))
    queue = [task for task in tasks if task.task_id != held.task_id]
    found = [(await why(crew, task.task_id)) for task in queue]
    assert sorted(each.ahead or 0 for each in found) == [0, 1, 2]
    assert {each.ahead_is_exact for each in found} == {True}
    assert {each.kernel_held for each in found} == {1}
    assert {str(held.task_id)} == {other for each in found for other in each.same_target}
    assert all(each.kernel_asked_at for each in found)


async def test_a_paused_kernel_and_a_spent_limit_are_named(crew: Crew) -> None:
    held, waiting = await crew.submit(*(crew.spec(limit_key="shop") for _ in range(2)))
    await crew.house.rows(
        "htm",
        "INSERT INTO htm_limits (tenant_id, key, concurrency, tokens, refilled_at, updated_at)"
        " VALUES ('default', 'shop', 1, 0, now(), now()) RETURNING key",
    )
    (claimed,) = await crew.claim(2)
    waiting = held if claimed.task_id == waiting.task_id else waiting
    reason = await why(crew, waiting.task_id)
    assert [block.kind for block in reason.blocks] == ["limit"]
    assert "the limit of key shop is used up" in reason.sentence
    await crew.house.rows(
        "htm", "INSERT INTO htm_queues VALUES ('noop', now(), 'ada') RETURNING kernel"
    )
    paused = await why(crew, waiting.task_id)
    assert [block.kind for block in paused.blocks] == ["paused", "limit"]
    assert paused.estimated_start_at is None


async def test_an_origin_behind_a_full_wall_is_named(crew: Crew) -> None:
    await crew.share_out(10, Quota(origin="intent", share_percent=10, weight=1.0, lends=False))
    both = await crew.submit(*(crew.spec(origin="intent") for _ in range(2)))
    (claimed,) = await crew.claim(9)
    (waiting,) = [task.task_id for task in both if task.task_id != claimed.task_id]
    reason = await why(crew, waiting)
    assert [block.kind for block in reason.blocks] == ["quota"]
    assert "origin intent holds 1 of a part of 1 task" in reason.sentence


async def test_who_comes_first_is_counted_in_its_own_lane(crew: Crew) -> None:
    await crew.submit(*(crew.spec(limit_key=f"k{n % 2}", priority=5) for n in range(4)))
    last, plain = await crew.submit(crew.spec(limit_key="k0"), crew.spec())
    assert [(await why(crew, each.task_id)).ahead for each in (last, plain)] == [2, 0]


async def test_a_queue_that_moved_estimates_the_start(crew: Crew) -> None:
    await crew.submit(*(crew.spec() for _ in range(3)))
    (done,) = await crew.claim()
    await crew.worker.report(crew.update(done, "completed"))
    await crew.rests_as("succeeded", done.task_id)
    waiting = [await why(crew, task_id) for task_id in await listed(crew, status="queued")]
    estimates = sorted(each.estimated_start_at for each in waiting if each.estimated_start_at)
    assert len(estimates) == 2
    assert estimates[0] < estimates[1]


async def test_a_held_a_retrying_and_an_ended_task_say_what_they_are_at(crew: Crew) -> None:
    task = await crew.claimed()
    held = await why(crew, task.task_id)
    assert (held.worker, held.blocks) == ("worker/w1", ())
    assert 0 < (held.lease_seconds or 0) <= 45
    failed = crew.update(task, "failed", error_class="transient", error_message="no route")
    await crew.worker.report(failed)
    await crew.rests_as("retrying", task.task_id)
    retrying = await why(crew, task.task_id)
    assert [block.kind for block in retrying.blocks] == ["retry_wait"]
    assert "no route" in retrying.sentence
    assert retrying.estimated_start_at == retrying.not_before_at is not None
    await crew.queue_again()
    (again,) = await crew.claim()
    await crew.worker.report(crew.update(again, "completed"))
    await crew.rests_as("succeeded", task.task_id)
    ended = await why(crew, task.task_id)
    assert ended.sentence.startswith("succeeded in attempt 2 of 3 on worker worker/w1")
    assert ended.buffer_seconds > 0


async def test_the_task_of_another_tenant_is_not_there(crew: Crew) -> None:
    (task,) = await crew.submit()
    for task_id, tenant in (
        (task.task_id, "acme"),
        ("no-uuid", "default"),
        (str(new_id()), "default"),
    ):
        with pytest.raises(GraceError) as caught:
            await why(crew, task_id, tenant)
        assert (caught.value.kind, caught.value.detail) == ("not_found", "No such task.")


async def test_a_task_is_told_to_be_at_risk_once_and_breached_once(crew: Crew) -> None:
    await crew.submit(crew.spec(step="revert", sla_ms=60_000, mission_id="m-1"), crew.spec())
    (late,) = await listed(crew, mission_id="m-1")
    await usual(crew, seconds=90)
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET sla_deadline_at = sla_deadline_at + interval '1 hour'"
        " WHERE mission_id IS NULL RETURNING id",
    )
    for _ in range(2):
        await WARN.tick(crew.htm)
    (risk,) = await changes(crew, 1)
    assert (risk.task_id, risk.previous, risk.sla_state) == (late, "ok", "at_risk")
    assert risk.mission_id == "m-1"
    assert (await why(crew, late)).sla_state == "at_risk"
    await crew.let_pass("created_at")
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET sla_deadline_at = sla_deadline_at - interval '1 hour'"
        " WHERE mission_id = 'm-1' RETURNING id",
    )
    for _ in range(2):
        await WARN.tick(crew.htm)
    breach = next(each for each in await changes(crew, 2) if each.sla_state == "breached")
    assert (breach.task_id, breach.previous) == (late, "at_risk")
    (shown,) = (await page(crew, mission_id="m-1")).tasks
    assert (shown.sla_state, shown.status) == ("breached", "queued")


async def test_a_task_that_ends_between_two_looks_is_judged_by_its_end(crew: Crew) -> None:
    await crew.submit(crew.spec(), crew.spec())
    one, two = await crew.claim(2)
    await crew.let_pass("created_at")
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET sla_deadline_at = created_at + interval '1 s'"
        " WHERE id = $1 RETURNING id",
        one.task_id,
    )
    for task in (one, two):
        await crew.worker.report(crew.update(task, "completed"))
        await crew.rests_as("succeeded", task.task_id)
    await WARN.tick(crew.htm)
    (told,) = await changes(crew, 1)
    assert (told.task_id, told.previous, told.sla_state) == (one.task_id, "ok", "breached")


async def test_an_end_in_time_takes_a_risk_back(crew: Crew) -> None:
    task = await crew.claimed()
    await usual(crew, seconds=90)
    await WARN.tick(crew.htm)
    await crew.worker.report(crew.update(task, "completed"))
    await crew.rests_as("succeeded", task.task_id)
    await WARN.tick(crew.htm)
    assert [each.sla_state for each in await changes(crew, 2)] == ["at_risk", "ok"]


async def test_an_expired_task_is_a_breach(crew: Crew) -> None:
    (task,) = await crew.submit()
    await crew.let_pass("created_at")
    await crew.house.rows(
        "htm",
        "UPDATE htm_tasks SET sla_deadline_at = created_at, expires_at = created_at RETURNING id",
    )
    await Expire(Settings()).tick(crew.htm)
    await WARN.tick(crew.htm)
    (told,) = await changes(crew, 1)
    assert (told.task_id, told.sla_state) == (task.task_id, "breached")


async def test_many_changes_are_told_in_batches_of_each_tenant(crew: Crew) -> None:
    await crew.submit(*(crew.spec() for _ in range(300)), crew.spec(tenant_id="acme"))
    await crew.let_pass("created_at")
    await crew.house.rows("htm", "UPDATE htm_tasks SET sla_deadline_at = created_at RETURNING id")
    ticks = [await WARN.tick(crew.htm) for _ in range(3)]
    assert ticks == [True, False, False]
    assert len({each.task_id for each in await changes(crew, 301)}) == 301
    sizes = [
        len(TasksSlaChanged.from_bytes(message.data).tasks)
        for message in await crew.house.messages(TasksSlaChanged.SUBJECT)
    ]
    assert max(sizes) <= 256


async def test_what_waits_is_counted_by_kernel(crew: Crew) -> None:
    await crew.submit(crew.spec(), crew.spec(), crew.spec(kernel="http"))
    async with crew.htm.reading() as tx:
        assert await Kernels(tx).queued(most=10) == {"noop": 2, "http": 1}
        assert await Kernels(tx).queued(most=1) == {"noop": 1, "http": 1}
    await Count().tick(crew.htm)
    assert QUEUED.labels("noop")._value.get() == 2
    await crew.claim(2)
    await Count().tick(crew.htm)
    assert {sample.labels["kernel"] for sample in QUEUED.collect()[0].samples} == {"http"}


async def usual(crew: Crew, *, seconds: float) -> None:
    """Let the type of the tests have taken so long in this hour."""
    await crew.house.rows("htm", USUAL, seconds)


USUAL = """
WITH hour AS (
    INSERT INTO htm_metric_hours (hour) VALUES (date_trunc('hour', now(), 'UTC') - interval '1 h')
    RETURNING hour
)
INSERT INTO htm_metrics (tenant_id, type, hour, tasks, succeeded, failed, dead_letter, expired,
    cancelled, attempts, retried, retried_succeeded, lapses, breached, execution_p95)
SELECT 'default', 'noop.observe', hour, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, $1 FROM hour RETURNING hour
"""
NAMES = {"assigned": "ids_of_held", "failed": "ids_of_few"}
FILL = """
WITH filled AS (
INSERT INTO htm_tasks (id, tenant_id, type, kernel, origin, status, priority, order_key,
    max_attempts, spec, spec_size_bytes, data_size_bytes, created_at, queued_at, finished_at,
    updated_at, sla_deadline_at, mission_id)
SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid), 'default', 'other', 'k', 'o',
       (ARRAY['succeeded', 'failed', 'cancelled', 'expired', 'dead_letter'])[n % 5 + 1], 0, now(),
       3, '{}', 2, 2, now(), now(), now(), now(), now(), 'm-' || n
  FROM generate_series(1, 20000) AS n RETURNING id, tenant_id
)
INSERT INTO htm_task_keys (tenant_id, key, task_id, body_hash)
SELECT tenant_id, CAST(id AS text), id, '' FROM filled RETURNING task_id
"""
