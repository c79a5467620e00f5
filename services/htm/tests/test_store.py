"""The guards in the statements, one by one: what the domain let pass they would still stop."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from grace.htm.domain.hands import Request
from grace.htm.domain.lifecycle import State
from grace.htm.domain.owner import Fence, Owner
from grace.htm.domain.reports import Closing, Ending
from grace.htm.store import Attempts, Claims
from grace.htm.store.statements import QUERIES

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

LEASE = timedelta(seconds=45)
WORKER = Request(Owner("worker", "w2"), "key", frozenset({"noop"}), 1, 1)


def _success(fence: Fence) -> Closing:
    return Closing(fence, Ending.SUCCEEDED, State.SUCCEEDED)


async def test_a_task_that_is_not_queued_cannot_be_assigned(crew: Crew) -> None:
    task = await crew.claimed()
    async with crew.htm.unit() as unit:
        taken = await Claims(unit.tx).assign_tasks([(UUID(task.task_id), WORKER)], lease=LEASE)
    assert taken == {}
    assert (await crew.task(task.task_id)).attempt_number == 1


async def test_an_attempt_that_is_not_the_newest_can_neither_start_nor_end(crew: Crew) -> None:
    task = await crew.claimed()
    for number in (0, 2):
        fence = Fence(UUID(task.task_id), number)
        async with crew.htm.unit() as unit:
            store = Attempts(unit.tx)
            assert await store.start_attempts([fence]) == 0
            assert await store.close_attempts([_success(fence)]) == []
    assert (await crew.task(task.task_id)).status == "assigned"


async def test_an_attempt_that_is_over_can_neither_start_nor_end_again(crew: Crew) -> None:
    task = await crew.claimed()
    fence = Fence(UUID(task.task_id), 1)
    async with crew.htm.unit() as unit:
        assert len(await Attempts(unit.tx).close_attempts([_success(fence)])) == 1
    async with crew.htm.unit() as unit:
        assert await Attempts(unit.tx).close_attempts([_success(fence)]) == []
        assert await Attempts(unit.tx).start_attempts([fence]) == 0


async def test_a_lease_is_renewed_for_its_owner_only(crew: Crew) -> None:
    task = await crew.claimed()
    attempt = (UUID(task.task_id), 1)
    for stranger in (Owner("worker", "w2"), Owner("gateway", "w1")):
        async with crew.htm.unit() as unit:
            lost = await Attempts(unit.tx).extend_leases([attempt], stranger, lease=LEASE)
        assert lost == {attempt: True}
    async with crew.htm.unit() as unit:
        lost = await Attempts(unit.tx).extend_leases([attempt], Owner("worker", "w1"), lease=LEASE)
    assert lost == {}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("assign_tasks", {"components": ["worker"], "workers": ["w1"], "key_ids": ["key"]}),
        ("start_attempts", {"attempt_numbers": [1]}),
        (
            "close_attempts",
            {
                "attempt_numbers": [1], "components": [None], "workers": [None],
                "endings": ["succeeded"], "states": ["succeeded"],
                "delays": [None], "error_classes": [None], "error_messages": [None],
                "results": [None],
            },
        ),
    ],
)  # fmt: skip
async def test_what_a_batch_changes_is_looked_up_and_never_searched_for(
    crew: Crew, name: str, values: dict[str, list[object]]
) -> None:
    await crew.submit(*(crew.spec() for _ in range(600)))
    rows = await crew.house.rows("htm", "SELECT id FROM htm_tasks LIMIT 256")
    batch = {key: value * len(rows) for key, value in values.items()}
    nothing = dict[str, list[object]](tenants=[], keys=[], tokens=[], instants=[])
    more = {"lease": LEASE, **nothing} if name == "assign_tasks" else {}
    query = QUERIES[name]
    explain = replace(query, text=f"EXPLAIN {query.text}")
    async with crew.htm.unit() as unit:
        plan = await unit.tx.fetch(explain, task_ids=[r["id"] for r in rows], **batch, **more)
    said = "\n".join(row["QUERY PLAN"] for row in plan)
    assert "Index" in said
    assert "Seq Scan on htm_tasks" not in said


async def test_a_worker_is_handed_the_order_as_it_was_submitted(crew: Crew) -> None:
    spec = crew.spec(params='{"text":"\\"quoted\\" \u00e9 \\u0001"}', mission_id="m-1")
    await crew.submit(spec)
    (task,) = await crew.claim()
    assert (task.spec, task.attempt_number, task.lease_ms) == (spec, 1, 45_000)
