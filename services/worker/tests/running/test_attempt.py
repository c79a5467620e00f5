"""Claims, beats, reports, and what a target in trouble does to them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from grace.contracts.htm import WorkHint
from grace.testkit import eventually
from grace.worker.kernels.postgres import activity

Floor = Any
Opener = Any
FAST = {"retry_first": timedelta(milliseconds=50), "retry_longest": timedelta(milliseconds=50)}


SENSELESS = [
    ({"operation": "postgres.drop_database"}, "validation"),
    ({"params": '{"name": "work_mem", "value": "1"}'}, "validation"),
    ({"params": "[]"}, "validation"),
    ({"params": '{"\\u0000": 1}'}, "validation"),
    ({"operation": "filesystem.usage", "kernel": "filesystem", "params": "{}"}, "validation"),
    (
        {"operation": "postgres.activity", "params": '{"seconds":1,"warmup_seconds":0}'},
        "validation",
    ),
    ({"operation": "postgres.terminate_blockers", "step": "revert"}, "validation"),
    ({"target": "bank"}, "nonretryable"),
]


async def test_a_task_that_makes_no_sense_fails_at_once(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        for changes, error_class in SENSELESS:
            task = await at.do(at.permitted(at.spec(**changes)))
            assert (task.status, task.error_class) == ("failed", error_class), changes
        assert await at.receipts() == []


async def test_what_takes_too_long_has_timed_out(floor: Opener) -> None:
    async with floor() as at:
        slow = {"operation": "postgres.activity", "params": '{"seconds":9,"warmup_seconds":0}'}
        task = await at.do(at.spec("observe", timeout_ms=300, max_attempts=1, **slow))
        assert task.error_class == "timeout"


async def test_a_lost_attempt_is_stopped(floor: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def endless(*_: object, **__: object) -> list[activity.Sample]:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return []

    monkeypatch.setattr(activity, "_samples", endless)
    async with floor(beat_interval=timedelta(milliseconds=100)) as at:
        task_id = await at.submit(
            at.spec(
                "observe", operation="postgres.activity", params='{"seconds":1,"warmup_seconds":0}'
            )
        )
        await asyncio.wait_for(begun.wait(), 5)
        admin = await at.house.installation.admin(at.house.database)
        # As if the lease had lapsed and another worker had the task by now.
        await admin.execute(
            "UPDATE htm.htm_tasks SET attempt_number = attempt_number + 1, worker_id = 'another'"
            " WHERE id::text = $1",
            task_id,
        )
        await admin.close()
        await asyncio.wait_for(stopped.wait(), 5)


async def test_more_tasks_than_slots_are_all_done(floor: Opener) -> None:
    async with floor(slots=2, claim_interval=timedelta(seconds=30)) as at:
        ids = [await at.submit(at.spec("observe")) for _ in range(12)]
        assert {(await at.ended(each)).status for each in ids} == {"succeeded"}


async def test_a_hint_wakes_the_worker_and_a_lost_hint_costs_a_second(floor: Opener) -> None:
    async with floor(claim_interval=timedelta(seconds=1)) as at:
        assert (await at.do(at.spec("observe"))).status == "succeeded"
    async with floor(claim_interval=timedelta(hours=1)) as at:
        htm = at.runtimes["htm"]
        task_id = await at.submit(at.spec("observe"))
        await htm.signal(WorkHint(kernel="postgres"), subject="htm.work.postgres")
        assert (await at.ended(task_id)).status == "succeeded"


async def test_a_stop_lets_the_attempts_end_and_reports_them(floor: Opener) -> None:
    async with floor() as at:
        task_id = await at.submit(
            at.spec(
                "observe", operation="postgres.activity", params='{"seconds":2,"warmup_seconds":0}'
            )
        )

        async def is_running() -> bool:
            return bool((await at.task(task_id)).status == "running")

        await eventually(is_running)
    async with floor() as at:
        task = await at.ended(task_id)
        assert (task.status, task.attempt_number) == ("succeeded", 1)


async def test_a_target_that_keeps_failing_opens_its_circuit_which_outlives_the_process(
    floor: Opener,
) -> None:
    toml = floor.shop.toml
    floor.shop.toml = toml.replace(f"port = {floor.shop.server.port}", "port = 1")
    once = {"max_attempts": 1}
    async with floor(htm=FAST) as at:
        for _ in range(2):
            failed = await at.do(at.spec("observe", timeout_ms=8000, **once))
            assert failed.error_class in {"transient", "timeout"}
        rows = await at.house.rows("worker", "SELECT * FROM breaker_states")
        assert [(r["kernel"], r["target"], r["state"]) for r in rows] == [
            ("postgres", "shop", "open")
        ]
    floor.shop.toml = toml
    async with floor(htm=FAST) as at:
        failed = await at.do(at.spec("observe", **once))
        assert "the circuit is open" in (failed.error_message or "")


async def test_a_refusal_does_not_open_the_circuit(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        for _ in range(6):
            wanted = at.permitted(at.spec(operation="postgres.set_database_setting"))
            await at.result(wanted)
            owner = await at.shop.connect("shop_owner")
            await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '9s'")
            back = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id)))
            assert back.error_class == "nonretryable"
        assert await at.house.rows("worker", "SELECT * FROM breaker_states") == []
