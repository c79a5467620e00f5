"""Paused kernels: nobody gets their tasks, what runs ends, and who reads sees how many wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from grace.contracts.htm import ListQueues, Queue, QueueSteered, SteerQueue
from grace.kit import GraceError, Runtime
from grace.testkit import eventually

if TYPE_CHECKING:
    from services.htm.tests.conftest import Crew


@dataclass(frozen=True)
class Desk:
    """Where people steer."""

    crew: Crew
    gateway: Runtime

    async def steer(self, act: str, kernel: str = "noop", **more: str) -> Queue:
        """Pause or resume as ada, who runs Grace, unless told otherwise."""
        values = {"tenant_id": "default", "principal": "ada", **more}
        return await self.gateway.call(SteerQueue(act=act, kernel=kernel, **values))

    async def refused(self, act: str, kernel: str = "noop", **more: str) -> GraceError:
        """The error that answers."""
        with pytest.raises(GraceError) as caught:
            await self.steer(act, kernel, **more)
        return caught.value

    async def queues(self, limit: int = 50, tenant_id: str = "default", **more: str) -> list[Queue]:
        """A page of queues."""
        question = ListQueues(tenant_id=tenant_id, limit=limit, **more)
        return list((await self.gateway.call(question)).queues)

    async def records(self, count: int) -> list[QueueSteered]:
        """Wait until so many acts were told."""

        async def told() -> list[QueueSteered]:
            messages = await self.crew.house.messages(QueueSteered.SUBJECT)
            found = [QueueSteered.from_bytes(message.data) for message in messages]
            return found if len(found) == count else []

        found: list[QueueSteered] = await eventually(told)
        return found


@pytest.fixture
async def desk(crew: Crew) -> Desk:
    return Desk(crew, await crew.house.act_as("gateway"))


async def test_a_paused_kernel_hands_out_nothing_and_what_runs_ends(desk: Desk) -> None:
    crew = desk.crew
    await crew.submit(crew.spec(), crew.spec(), crew.spec(kernel="http"))
    (running,) = await crew.claim()
    paused = await desk.steer("pause", reason="maintenance")
    assert (paused.queued, paused.held, paused.paused_by) == (1, 1, "ada")
    assert await desk.steer("pause", principal="bob") == paused
    assert [task.spec.kernel for task in await crew.claim(9, kernels=("noop", "http"))] == ["http"]
    assert (await crew.beat(running)).stop == ()
    await crew.worker.report(crew.update(running, "completed"))
    await crew.rests_as("succeeded", running.task_id)
    (record,) = await desk.records(1)
    assert (record.kernel, record.act, record.actor) == ("noop", "pause", "ada")
    assert record.reason == "maintenance"


async def test_a_resumed_kernel_hands_out_again_and_wakes_its_workers(desk: Desk) -> None:
    crew = desk.crew
    await crew.submit()
    await desk.steer("pause")
    heard = await crew.hints()
    resumed = await desk.steer("resume")
    assert (resumed.queued, resumed.paused_at, resumed.paused_by) == (1, None, None)
    await eventually(lambda: heard == ["noop"])
    assert len(await crew.claim()) == 1
    assert (await desk.steer("resume")).paused_at is None
    assert [each.act for each in await desk.records(2)] == ["pause", "resume"]


async def test_queues_are_listed_by_name_in_pages(desk: Desk) -> None:
    crew = desk.crew
    await crew.submit(*(crew.spec(kernel=name) for name in ("c", "a", "a", "d")))
    await crew.submit(crew.spec(kernel="foreign", tenant_id="shop"))
    await crew.claim(kernels=("d",))
    await desk.steer("pause", "b")
    found = await desk.queues()
    assert [(each.kernel, each.queued, each.held) for each in found] == [
        ("a", 2, 0), ("b", 0, 0), ("c", 1, 0), ("d", 0, 1),
    ]  # fmt: skip
    assert [each.kernel for each in found if each.asked_at] == ["d"], "nobody has the others"
    assert [each.kernel for each in await desk.queues(limit=2)] == ["a", "b"]
    assert [each.kernel for each in await desk.queues(limit=2, after="b")] == ["c", "d"]
    assert await desk.queues(after="d") == []


async def test_a_tenant_sees_its_own_tasks_and_what_is_paused(desk: Desk) -> None:
    crew = desk.crew
    await crew.submit(crew.spec(), crew.spec(tenant_id="shop"), crew.spec(kernel="http"))
    await desk.steer("pause")
    (queue,) = await desk.queues(tenant_id="shop")
    assert (queue.kernel, queue.queued, queue.paused_by) == ("noop", 1, "ada")


async def test_a_count_ends_at_a_thousand(desk: Desk) -> None:
    crew = desk.crew
    for _ in range(3):
        await crew.submit(*(crew.spec() for _ in range(400)))
    (queue,) = await desk.queues()
    assert (queue.queued, queue.held) == (1000, 0)


async def test_no_other_tenant_pauses_what_serves_all(desk: Desk) -> None:
    await desk.crew.submit()
    for act in ("pause", "resume"):
        assert (await desk.refused(act, tenant_id="shop")).kind == "not_found"
    assert len(await desk.crew.claim()) == 1


@pytest.mark.parametrize(("act", "kernel"), [("pause", "a.b"), ("resume", "a.b"), ("stop", "noop")])
async def test_what_is_no_kernel_or_no_act_changes_nothing(
    desk: Desk, act: str, kernel: str
) -> None:
    assert (await desk.refused(act, kernel)).kind == "invalid"
    assert await desk.crew.house.rows("htm", "SELECT 1 FROM htm_queues") == []
