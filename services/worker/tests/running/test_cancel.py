"""Cancelled tasks: what has not begun does not begin, what has begun ends and is reported."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from grace.contracts.htm import SteerTask
from grace.testkit import eventually
from grace.worker.kernels.postgres import activity
from grace.worker.kernels.postgres.set_database_setting import SetDatabaseSetting

Floor = Any
Opener = Any
OFTEN = {"beat_interval": timedelta(milliseconds=50)}
LEASE = "SELECT lease_until FROM htm_tasks WHERE CAST(id AS text) = $1"


async def cancel(at: Floor, task_id: str) -> None:
    """Cancel as a person, and return once the worker knows: it beats again only with the answer."""
    gateway = await at.house.act_as("gateway")
    await gateway.call(
        SteerTask(tenant_id="default", task_id=task_id, act="cancel", principal="ada")
    )
    leases: set[Any] = set()

    async def beaten_twice() -> bool:
        (row,) = await at.house.rows("htm", LEASE, task_id)
        leases.add(row["lease_until"])
        return len(leases) > 2 or row["lease_until"] is None

    await eventually(beaten_twice)


def held_up(monkeypatch: pytest.MonkeyPatch) -> tuple[asyncio.Event, asyncio.Event]:
    """Let an apply wait in the middle: it has begun, and it may go on."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    plain: Callable[..., Any] = SetDatabaseSetting.apply

    async def slow(*given: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await plain(*given)

    monkeypatch.setattr(SetDatabaseSetting, "apply", slow)
    return begun, go_on


async def test_an_effect_that_has_begun_ends_and_stays_a_success(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = held_up(monkeypatch)
    async with floor(**OFTEN) as at:
        await at.permit()
        task_id = await at.submit(at.permitted(at.spec()))
        await asyncio.wait_for(begun.wait(), 5)
        await cancel(at, task_id)
        assert (await at.task(task_id)).status in {"assigned", "running"}
        go_on.set()
        task = await at.ended(task_id)
        assert (task.status, task.cancel_requested_by) == ("succeeded", "ada")
        assert await at.setting() == "5ms"
        (receipt,) = await at.receipts()
        assert receipt["completed_at"] is not None


async def test_an_effect_that_has_not_begun_never_begins(floor: Opener) -> None:
    async with floor(permit_patience=timedelta(seconds=30), **OFTEN) as at:
        task_id = await at.submit(at.permitted(at.spec()))

        async def waits_for_its_permit() -> bool:
            return bool((await at.task(task_id)).status == "running")

        await eventually(waits_for_its_permit)
        await cancel(at, task_id)
        await at.permit()
        task = await at.ended(task_id)
        assert (task.status, task.attempts[0].outcome) == ("cancelled", "failed")
        assert task.error_message == "blocked: Cancelled before anything was begun."
        assert await at.receipts() == []
        assert await at.setting() is None


async def test_what_only_looks_is_broken_off(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def endless(*_: object, **__: object) -> list[activity.Sample]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return []

    monkeypatch.setattr(activity, "_samples", endless)
    async with floor(**OFTEN) as at:
        task_id = await at.submit(
            at.spec(
                "observe", operation="postgres.activity", params='{"seconds":1,"warmup_seconds":0}'
            )
        )
        await asyncio.wait_for(begun.wait(), 5)
        await cancel(at, task_id)
        await asyncio.wait_for(stopped.wait(), 5)
        task = await at.ended(task_id)
        assert (task.status, task.attempt_number) == ("cancelled", 1)
        assert task.error_message == "blocked: Cancelled before anything was begun."
