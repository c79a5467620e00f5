"""The schema refuses what the code must never do, even from a psql prompt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from grace.contracts.htm import GetTasks, TaskReports
from grace.htm.domain.lifecycle import FINAL, TRANSITIONS, State
from grace.kit import GraceError

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

# A row in any state, with what the checks ask of it.
PUT = """
INSERT INTO htm_tasks (
    id, tenant_id, type, kernel, origin, status, priority, order_key, attempt_number, max_attempts,
    worker_component, worker_id, worker_key_id, lease_until, not_before, spec, spec_size_bytes,
    data_size_bytes, created_at, queued_at, assigned_at, started_at, finished_at, updated_at,
    sla_deadline_at, run_at, ends_as)
SELECT gen_random_uuid(), 't', 't', 'k', 'o', $1, 0, now(), 1, 3, 'worker', 'w1', 'key',
       CASE WHEN $1 IN ('assigned', 'running') THEN now() END,
       CASE WHEN $1 IN ('retrying', 'scheduled') THEN now() END,
       '{}', 2, 2, now(), now(), now(), now(), CASE WHEN $2 THEN now() END, now(), now(), now(),
       'succeeded'
RETURNING id
"""
MOVE = """
UPDATE htm_tasks
   SET status = $2,
       lease_until = CASE WHEN $2 IN ('assigned', 'running') THEN now() END,
       not_before = CASE WHEN $2 IN ('retrying', 'scheduled') THEN now() END,
       finished_at = CASE WHEN $3 THEN now() END
 WHERE id = $1
"""


async def test_only_moves_that_are_in_the_table_are_possible(crew: Crew) -> None:
    role = await crew.house.role("htm")
    try:
        await role.execute("SET search_path TO htm")
        refused = set()
        for start in State:
            for end in State:
                task_id = await role.fetchval(PUT, str(start), start in FINAL)
                try:
                    await role.execute(MOVE, task_id, str(end), end in FINAL)
                except asyncpg.RestrictViolationError:
                    refused.add((start, end))
    finally:
        await role.close()
    possible = {(start, end) for start in State for end in State} - refused
    stays = {(state, state) for state in State if state not in FINAL}
    doors = {(start, end) for start, ways in TRANSITIONS.items() for end in ways.values()}
    assert possible == doors | stays


async def test_nothing_about_a_final_row_can_be_changed(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.worker.report(crew.update(task, "completed", result_json="1"))
    await crew.rests_as("succeeded", task.task_id)
    for change in ("status = 'queued'", "result_json = '2'", "attempt_number = 2"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await crew.house.rows("htm", f"UPDATE htm_tasks SET {change} RETURNING id")


async def test_times_out_of_order_are_refused(crew: Crew) -> None:
    await crew.claimed()
    for column in ("assigned_at", "queued_at"):
        with pytest.raises(asyncpg.CheckViolationError):
            await crew.house.rows(
                "htm",
                f"UPDATE htm_tasks SET {column} = created_at - interval '1 s' RETURNING id",
            )


async def test_results_that_do_not_fit_one_answer_are_told_so(crew: Crew) -> None:
    await crew.submit(*(crew.spec() for _ in range(5)))
    tasks = await crew.claim(5)
    for task in tasks:
        report = crew.update(task, "completed", result_json=f'"{"x" * 250_000}"')
        await crew.worker.report(TaskReports(updates=(report,)))
    for task in tasks:
        await crew.rests_as("succeeded", task.task_id)
    with pytest.raises(GraceError, match="fewer at a time") as caught:
        await crew.verification.call(GetTasks(task_ids=tuple(task.task_id for task in tasks)))
    assert caught.value.kind == "too_large"


async def test_unknown_ids_are_absent(crew: Crew) -> None:
    (submitted,) = await crew.submit()
    asked = (submitted.task_id, "no-uuid", "0199a7b2-0000-7000-8000-000000000000")
    found = await crew.verification.call(GetTasks(task_ids=asked))
    assert [task.task_id for task in found.tasks] == [submitted.task_id]
