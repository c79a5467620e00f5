"""What a claim costs when much waits and much more has ended: the same as on an empty table, or a bar is missed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from load.apart import Apart, Grounds
from load.figures import BenchError, percentile
from load.tasks import service_named, set_limits, specs

from grace.contracts.htm import (
    ClaimedTask,
    ClaimTasks,
    SubmitTasks,
    TaskReports,
    TaskUpdate,
    TaskUpdateStatus,
)
from grace.kit import Runtime, running

_KERNEL = "deep"
_WORKER = "bench-deep"
_SLOTS = 16
_SUBMITTED_AT_ONCE = 500
_FILL_SECONDS = 3600
_FILL = """
    WITH filled AS (
        INSERT INTO htm.htm_tasks (
            id, tenant_id, type, kernel, origin, status, priority, order_key, attempt_number,
            max_attempts, worker_component, worker_id, worker_key_id, spec, spec_size_bytes,
            data_size_bytes, created_at, queued_at, assigned_at, started_at, finished_at, updated_at,
            sla_deadline_at, result_json)
        SELECT uuidv7(made - now()), 'default', 'bench.deep', $1, 'verification', $2, 0,
               -- Behind all that the claims take: what they pass over would be another matter.
               now() + interval '1 day' + n * interval '1 ms', ended, 3, owner, owner, owner,
               json_build_object('params', repeat('x', 300)), 320, 300,
               made, made, at, at, at, made, made + interval '1 day', NULL
          FROM generate_series(1, $3) AS n,
               (SELECT CAST($2 = 'succeeded' AS integer) AS ended,
                       CASE WHEN $2 = 'succeeded' THEN 'bench' END AS owner) AS how,
               -- What has ended did so in the last four weeks, the oldest first, as it would be in life.
               LATERAL (SELECT now() - ended * (1 - n / CAST($3 AS float)) * interval '28 days')
                    AS life (made),
               LATERAL (SELECT CASE WHEN ended = 1 THEN made END) AS close (at)
        RETURNING id
    )
    INSERT INTO htm.htm_task_keys (tenant_id, key, task_id, body_hash)
    SELECT 'default', CAST(id AS text), id, '' FROM filled
"""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many tasks wait and have ended, and how many claims are measured before and after."""

    queued: int
    finished: int
    claims: int


@dataclass(frozen=True, slots=True)
class Claims:
    """Milliseconds of a claim of sixteen tasks, request and commit, on an empty table and on a full one."""

    queued: int
    finished: int
    claims: int
    empty_p50_ms: float
    empty_p99_ms: float
    p50_ms: float
    p99_ms: float


async def measure(grounds: Grounds, depth: Depth) -> Claims:
    """On a database of its own: claims, then the same after it was filled."""
    own = replace(grounds, database=grounds.spare)
    async with Apart(own) as apart:
        for name in ("identity", "htm"):
            await apart.service(name)
        await set_limits(own, capacity=100_000)
        empty = await apart.while_alive(_claims(own, depth.claims), within=_FILL_SECONDS)
        await _fill(own, depth)
        full = await apart.while_alive(_claims(own, depth.claims), within=_FILL_SECONDS)
    return Claims(
        depth.queued, depth.finished, depth.claims,
        percentile(empty, 0.5), percentile(empty, 0.99), percentile(full, 0.5),
        percentile(full, 0.99),
    )  # fmt: skip


async def _claims(grounds: Grounds, count: int) -> list[float]:
    """Milliseconds of each, in order of size; every claim has to bring all that it asks for."""
    async with running(service_named("verification", grounds)) as submitter:
        wanted = specs("bench.deep", count * _SLOTS, kernel=_KERNEL)
        for start in range(0, len(wanted), _SUBMITTED_AT_ONCE):
            batch = tuple(wanted[start : start + _SUBMITTED_AT_ONCE])
            await submitter.call(SubmitTasks(tasks=batch), timeout=30)
    async with running(service_named("worker", grounds)) as worker:
        found = [await _claim(worker) for _ in range(count)]
        for _, tasks in found:  # or their leases would lapse while the table is filled
            await worker.report(TaskReports(updates=tuple(map(_done, tasks))))
    return sorted(milliseconds for milliseconds, _ in found)


async def _claim(worker: Runtime) -> tuple[float, Sequence[ClaimedTask]]:
    request = ClaimTasks(worker_id=_WORKER, kernels=(_KERNEL,), slots=_SLOTS)
    begun = time.monotonic()
    answer = await worker.call(request, timeout=30)
    if len(answer.tasks) != _SLOTS:
        raise BenchError(f"a claim of {_SLOTS} tasks brought {len(answer.tasks)}")
    return (time.monotonic() - begun) * 1000, answer.tasks


def _done(task: ClaimedTask) -> TaskUpdate:
    return TaskUpdate(
        task_id=task.task_id,
        status=TaskUpdateStatus.completed,
        worker_id=_WORKER,
        attempt_number=task.attempt_number,
        at=datetime.now(UTC),
    )


async def _fill(grounds: Grounds, depth: Depth) -> None:
    admin = await grounds.installation.admin(grounds.database)
    try:
        for status, count in (("succeeded", depth.finished), ("queued", depth.queued)):
            await admin.execute(_FILL, _KERNEL, status, count, timeout=_FILL_SECONDS)
        await admin.execute("VACUUM (ANALYZE) htm.htm_tasks", timeout=_FILL_SECONDS)
        await admin.execute("CHECKPOINT", timeout=_FILL_SECONDS)
    finally:
        await admin.close()
