"""Results that are too large for a row: their references are taken in once, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from grace.contracts.htm import TaskReports
from grace.htm.domain.lifecycle import State
from grace.htm.domain.owner import Owner
from grace.htm.domain.reports import (
    Attempted,
    Ending,
    Kind,
    Reference,
    Report,
    Standing,
    standing_of,
)
from grace.htm.domain.retry import History
from grace.kit import Forbidden, new_id
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

SHA = "ab" * 32
WHERE = {"result_sha256": SHA, "result_size_bytes": 300_000}
OWNER = Owner("worker", "w1")


@pytest.mark.parametrize(
    ("kind", "reference", "result", "standing"),
    [
        (Kind.COMPLETED, Reference(SHA, 300_000), None, Standing.CURRENT),
        (Kind.COMPLETED, Reference(SHA, 0), None, Standing.CURRENT),
        (Kind.COMPLETED, Reference(SHA, None), None, Standing.BAD_REFERENCE),
        (Kind.COMPLETED, Reference(SHA.upper(), 1), None, Standing.BAD_REFERENCE),
        (Kind.COMPLETED, Reference("../" * 21 + "x", 1), None, Standing.BAD_REFERENCE),
        (Kind.COMPLETED, Reference(SHA, 1), "{}", Standing.BAD_REFERENCE),
        (Kind.FAILED, Reference(SHA, 1), None, Standing.BAD_REFERENCE),
        (Kind.STARTED, Reference(SHA, 1), None, Standing.BAD_REFERENCE),
    ],
)
def test_a_reference_is_whole_and_the_only_result_of_a_success(
    kind: Kind, reference: Reference, result: str | None, standing: Standing
) -> None:
    task_id = new_id()
    told = Report(task_id, 1, OWNER, kind, 0.5, result_json=result, reference=reference)
    task = Attempted(task_id, State.ASSIGNED, OWNER, Ending.RUNNING, History(1, 3, 0, 0))
    assert standing_of(told, task) is standing


async def test_a_large_result_is_known_by_its_reference(crew: Crew) -> None:
    task = await crew.claimed()
    await crew.done(task, **WHERE)
    shown = await crew.rests_as("succeeded", task.task_id)
    assert (shown.result_json, shown.result_sha256, shown.result_size_bytes) == (None, SHA, 300_000)
    other = {"result_sha256": "cd" * 32, "result_size_bytes": 1}
    await crew.worker.report(crew.update(task, "completed", **other))
    with pytest.raises(asyncpg.RestrictViolationError):
        await crew.house.rows("htm", "UPDATE htm_tasks SET result_sha256 = $1 RETURNING id", SHA)
    assert (await crew.task(task.task_id)).result_sha256 == SHA


@pytest.mark.parametrize("text", ["a", "\N{SNOWMAN}", "\N{PILE OF POO}"])
async def test_a_result_has_256_kib_and_not_one_byte_more(crew: Crew, text: str) -> None:
    await crew.submit(crew.spec(), crew.spec())
    one, other = await crew.claim(2)
    whole, rest = divmod(262_144 - len('{"a":""}'), len(text.encode()))
    said = text * whole + "b" * rest
    await crew.done(one, result={"a": said})
    assert (await crew.task(one.task_id)).result_json == f'{{"a":"{said}"}}'
    with pytest.raises(Forbidden):
        await crew.report(crew.update(other, "completed", result={"a": f"{said}b"}), slots=0)
    assert (await crew.task(other.task_id)).status == "assigned"


async def test_a_large_result_takes_the_place_of_what_a_failed_attempt_left(crew: Crew) -> None:
    failed = await crew.claimed()
    await crew.done(failed, "failed", result_json='{"seen": 3}')
    assert (await crew.task(failed.task_id)).result_json == '{"seen": 3}'
    await crew.queue_again()
    (task,) = await crew.claim()
    await crew.done(task, **WHERE)
    shown = await crew.rests_as("succeeded", task.task_id)
    assert (shown.result_json, shown.result_sha256) == (None, SHA)


async def test_an_older_attempts_reference_is_not_taken_and_a_bad_one_is_quarantined(
    crew: Crew,
) -> None:
    old = await crew.claimed()
    await crew.done(old, "failed")
    await crew.queue_again()
    (task,) = await crew.claim()
    bad = crew.update(task, "completed", result_sha256=SHA, result_json="{}", result_size_bytes=1)
    for update in (crew.update(old, "completed", **WHERE), bad):
        await crew.worker.report(TaskReports(updates=(update,)))

    async def refused() -> list[str]:
        rows = await crew.house.rows("htm", "SELECT reason FROM quarantine")
        return [row["reason"] for row in rows]

    assert await eventually(refused) == ["bad_reference"]
    shown = await crew.task(task.task_id)
    assert (shown.status, shown.result_sha256) == ("assigned", None)
