"""A long random walk on real servers: whatever happens in whatever order, the promises hold."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import ClaimedTask, SteerTask, TaskReports, TaskUpdate
from grace.htm.domain.lifecycle import FINAL
from grace.kit import Conflict, Runtime
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew

STEPS = 60
WORDS = ("started", "completed", "failed", "timeout")


class Walk:
    """What was claimed so far, and the next thing to happen."""

    def __init__(self, crew: Crew, gateway: Runtime, seed: int) -> None:
        self.crew = crew
        self.gateway = gateway
        self.task_ids: list[str] = []
        self.dice = Random(seed)
        self.claimed: list[ClaimedTask] = []
        self.messages: list[TaskReports] = []

    async def step(self) -> None:
        acts = (self.submit, self.claim, self.claim, self.report, self.report, self.report)
        act = self.dice.choice(
            (*acts, self.repeat, self.beat, self.cancel, self.crew.lapse, self.crew.queue_again)
        )
        await act()

    async def submit(self) -> None:
        count = self.dice.randint(1, 4)
        made = await self.crew.submit(*(self.crew.spec(max_attempts=2) for _ in range(count)))
        self.task_ids += [task.task_id for task in made]

    async def claim(self) -> None:
        self.claimed += await self.crew.claim(3, worker_id=self.dice.choice(("w1", "w2")))

    async def report(self) -> None:
        if not self.claimed:
            return
        chosen = self.dice.choices(self.claimed, k=3)
        message = TaskReports(updates=tuple(map(self.any_update, chosen)))
        self.messages.append(message)
        await self.crew.worker.report(message)

    async def repeat(self) -> None:
        if self.messages:
            await self.crew.worker.report(self.dice.choice(self.messages))

    async def beat(self) -> None:
        await self.crew.beat(*self.claimed)

    async def cancel(self) -> None:
        if not self.task_ids:
            return
        wanted = SteerTask(
            tenant_id="default",
            task_id=self.dice.choice(self.task_ids),
            act="cancel",
            principal="ada",
        )
        with suppress(Conflict):  # it had ended
            await self.gateway.call(wanted)

    def any_update(self, task: ClaimedTask) -> TaskUpdate:
        worker_id = self.dice.choice(("w1", "w2"))
        error_class = self.dice.choice(("transient", "user"))
        return self.crew.update(
            task, self.dice.choice(WORDS), worker_id=worker_id, error_class=error_class
        )


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_task_ends_once_whatever_happens(crew: Crew, seed: int) -> None:
    walk = Walk(crew, await crew.house.act_as("gateway"), seed)
    for _ in range(STEPS):
        await walk.step()
    await eventually(lambda: _all_rest(walk), timeout=30)
    rows = await crew.house.rows("htm", "SELECT * FROM htm_tasks")
    told = await crew.finished(len(rows))
    assert {task.task_id: task.outcome for task in told} == {
        str(row["id"]): row["status"] for row in rows
    }
    cancelled = {row["status"] for row in rows if row["cancel_requested_at"]}
    assert {"cancelled"} <= cancelled <= {"cancelled", "succeeded"}
    attempts = await crew.house.rows(
        "htm",
        "SELECT task_id, count(*) AS claims, max(attempt_number) AS newest,"
        " count(*) FILTER (WHERE outcome = 'running') AS open FROM htm_task_attempts GROUP BY 1",
    )
    numbers = {row["id"]: row["attempt_number"] for row in rows}
    for row in attempts:
        assert row["claims"] == row["newest"] == numbers[row["task_id"]] <= 2
        assert row["open"] == 0


async def _all_rest(walk: Walk) -> bool:
    """Faults are over: an honest worker finishes what is left."""
    await walk.crew.lapse()
    await walk.crew.queue_again()
    for task in await walk.crew.claim(50):
        await walk.crew.worker.report(walk.crew.update(task, "completed"))
    rows = await walk.crew.house.rows("htm", "SELECT status FROM htm_tasks")
    return {row["status"] for row in rows} <= FINAL
