"""Claims, beats, reports, and what a target in trouble does to them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from grace.contracts.htm import SubmitTasks
from grace.resilience.retry import RetryPolicy
from grace.testkit import eventually
from grace.testkit.consents import OWN
from grace.worker.kernels.postgres import activity
from grace.worker.kernels.registry import KERNELS
from grace.worker.loops import guard

Floor = Any
Opener = Any


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


def claims() -> float:
    """How many requests for tasks alone htm has answered in this process."""
    labels = {"service": "htm", "subject": "rpc.htm.claim", "outcome": "ok"}
    return REGISTRY.get_sample_value("grace_rpc_duration_seconds_count", labels) or 0.0


@asynccontextmanager
async def working(at: Floor, floor: Opener, **changes: Any) -> AsyncIterator[None]:
    """A worker that finds htm at work: beside one that starts with it, the first claim may have no answer."""
    worker = {"targets_file": floor.targets, "claim_interval": timedelta(seconds=30), **changes}
    async with at.house.running("worker", worker=worker) as found:
        at.runtimes |= found
        yield


async def test_more_tasks_than_slots_are_all_done_and_reports_bring_what_is_next(
    floor: Opener,
) -> None:
    begun = claims()
    async with floor(names=("htm",)) as at, working(at, floor, slots=2):
        await eventually(lambda: claims() > begun)  # the worker's first, which finds nothing
        before = claims()
        request = SubmitTasks(tasks=tuple(at.spec("observe") for _ in range(12)))
        ids = [each.task_id for each in (await at.verification.call(request)).tasks]
        assert {(await at.ended(each)).status for each in ids} == {"succeeded"}
        assert claims() - before <= 2  # the hint's, and one whose answer a hint overtook


async def test_a_hint_wakes_the_worker_and_a_lost_hint_costs_an_interval(floor: Opener) -> None:
    async with floor(names=("htm",)) as at:

        async def works(interval: timedelta) -> bool:
            async with working(at, floor, claim_interval=interval):
                task_id = await at.submit(at.spec("observe"))
                return bool((await at.ended(task_id)).status == "succeeded")

        assert await works(timedelta(hours=1))
        at.runtimes["htm"].signal = unheard  # type: ignore[method-assign]
        assert await works(timedelta(milliseconds=100))


async def unheard(*_: object, **__: object) -> None:
    """A hint that gets lost on its way."""


async def test_a_stop_lets_the_attempts_end_and_reports_them(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    look = activity._samples

    async def held_up(*given: Any, **how: Any) -> list[activity.Sample]:
        begun.set()
        await go_on.wait()
        return await look(*given, **how)

    monkeypatch.setattr(activity, "_samples", held_up)
    async with floor(names=("htm",)) as at:
        service = at.house.build("worker", targets_file=floor.targets)
        worker = await service.start()
        task_id = await at.submit(
            at.spec(
                "observe", operation="postgres.activity", params='{"seconds":1,"warmup_seconds":0}'
            )
        )
        await asyncio.wait_for(begun.wait(), 5)
        stopping = asyncio.create_task(worker.stop())
        await eventually(worker.runtime.stopping.is_set)
        go_on.set()
        await stopping
        task = await at.task(task_id)
        assert (task.status, task.attempt_number) == ("succeeded", 1)


async def test_a_target_that_keeps_failing_opens_its_circuit_which_outlives_the_process(
    floor: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = RetryPolicy(first=timedelta(milliseconds=10))
    monkeypatch.setattr(guard, "_SETTINGS", replace(guard._SETTINGS, observing=soon))
    toml = floor.shop.toml
    async with floor(names=("htm",)) as at:
        worker = {"targets_file": floor.targets}
        floor.targets.write_text(toml.replace(f"port = {floor.shop.server.port}", "port = 1"))
        async with at.house.running("worker", worker=worker):
            for _ in range(2):
                failed = await at.do(at.spec("observe", max_attempts=1))
                assert failed.error_class == "transient"
            rows = await at.house.rows("worker", "SELECT * FROM breaker_states")
            assert [(r["kernel"], r["target"], r["state"]) for r in rows] == [
                ("postgres", "shop", "open")
            ]
        floor.targets.write_text(toml)
        async with at.house.running("worker", worker=worker):
            failed = await at.do(at.spec("observe", max_attempts=1))
            assert "the circuit is open" in (failed.error_message or "")


async def test_a_refusal_does_not_open_the_circuit(floor: Opener) -> None:
    async with floor() as at:
        await at.permit()
        wanted = at.permitted(at.spec(operation="postgres.set_database_setting"))
        await at.result(wanted)
        owner = await at.shop.connect("shop_owner")
        await owner.execute(f"ALTER DATABASE {at.shop.database} SET statement_timeout = '9s'")
        for _ in range(6):
            back = await at.do(at.permitted(at.spec("revert", action_id=wanted.action_id)))
            assert back.error_class == "nonretryable"
        assert await at.house.rows("worker", "SELECT * FROM breaker_states") == []


PARAMS = (
    {
        "postgres.set_database_setting": '{"name": "statement_timeout", "value": "5ms"}',
        "postgres.terminate_blockers": '{"min_idle_seconds": 1}',
        "postgres.activity": '{"seconds": 1, "warmup_seconds": 0}',
        "postgres.query": '{"query": "SELECT 1"}',
        "filesystem.set_mode": '{"path": "a", "mode": "600"}',
        "command.run": '{"argv": ["/bin/true"]}',
        "memory.process": '{"argv": ["/bin/true"]}',
    }
    | {
        f"filesystem.{name}": '{"path": "a"}'
        for name in ("clear_pycache", "rotate_log", "move_aside", "usage", "hash")
    }
    | {
        f"filesystem.{name}": '{"path": "a", "content": {"secret": "shop-api"}}'
        for name in ("write_secret", "holds_secret")
    }
)
CHECKS = """
[targets.checks]
kind = "command"
environment = "demo"
allow = [["/bin/true"]]
[targets.web]
kind = "memory"
environment = "demo"
processes = [["/bin/true"]]
[targets.orders]
kind = "sqlite"
environment = "demo"
file = "/nowhere/orders.db"
[secrets.shop-api]
file = "/nowhere"
"""
TARGETS = {
    "postgres": "shop",
    "filesystem": "files",
    "command": "checks",
    "memory": "web",
    "sqlite": "orders",
}


async def test_every_operation_of_every_kernel_stands_behind_its_circuit(floor: Opener) -> None:
    """Nobody has to wrap an operation: a new one is protected because there is no other way to it."""
    floor.shop.toml += CHECKS
    for kernel, target in TARGETS.items():
        await floor.house.rows(
            "worker",
            "INSERT INTO breaker_states (kernel, target, state, failures, elapsed, generation)"
            f" VALUES ('{kernel}', '{target}', 'open', 0, 0, 1)",
        )
    async with floor() as at:
        await at.permit()
        await at.consent(OWN, OWN.model_copy(update={"secret": "shop-api"}))
        specs = [
            at.spec(
                step,
                kernel=kernel.name,
                operation=operation.name,
                target=TARGETS[kernel.name],
                params=PARAMS.get(operation.name, "{}"),
                max_attempts=1,
            )
            for kernel in KERNELS
            for operation in kernel.operations
            for step in (("observe",) if operation.apply is None else ("observe", "apply"))
        ]
        ended = await asyncio.gather(*(at.do(at.permitted(spec)) for spec in specs))
        for spec, task in zip(specs, ended, strict=True):
            assert "circuit is open" in (task.error_message or ""), (spec.operation, spec.step)
        assert await at.receipts() == []
