"""A worker that dies at any point, as by kill -9: the effect happens, and happens once."""

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from typing import Any

import pytest

from grace.testkit import eventually

Opener = Any
Floor = Any
# tests/torture_verify has all of them.
MOMENTS = ("apply.intent_committed", "apply.after_effect", "apply.after_receipt")
HTM = {
    "lease": timedelta(seconds=3),
    "rescue_interval": timedelta(milliseconds=200),
    "retry_first": timedelta(milliseconds=50),
}


async def start_worker(at: Floor, targets: str, moment: str) -> asyncio.subprocess.Process:
    environment = at.house.installation.environment("worker", at.house.database)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "grace.worker",
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("GRACE_")},
            **environment,
            "GRACE_WORKER_TARGETS_FILE": targets,
            "GRACE_CRASH_AT": moment and f"worker.{moment}",
        },
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.mark.parametrize("moment", MOMENTS)
async def test_whatever_the_moment_of_death_the_effect_happens_once(
    floor: Opener, moment: str
) -> None:
    async with floor(names=("identity", "htm"), htm=HTM) as at:
        await at.permit()
        task_id = await at.submit(at.permitted(at.spec(timeout_ms=1500)))
        process = await start_worker(at, str(floor.folder / "targets.toml"), moment)
        try:
            assert await asyncio.wait_for(process.wait(), 30) == -signal.SIGKILL
        finally:
            if process.returncode is None:
                process.kill()
        targets = floor.folder / "targets.toml"
        async with at.house.running("worker", worker={"targets_file": targets}):
            task = await at.ended(task_id, timeout=30)
            assert (task.status, task.attempt_number) == ("succeeded", 2)
        result = json.loads(task.result_json or "")
        # Not what the first attempt left behind, but what was there before any.
        assert result["before"] == {"name": "statement_timeout", "value": None}
        assert result["after"] == {"name": "statement_timeout", "value": "5ms"}
        [receipt] = await at.receipts()
        assert str(receipt["id"]) == result["receipt"]
        assert receipt["completed_at"] is not None


async def test_a_crash_point_that_does_not_exist_is_refused(floor: Opener) -> None:
    async with floor(names=("identity",)) as at:
        process = await start_worker(at, "/nonexistent", "somewhere")
        assert await asyncio.wait_for(process.wait(), 30) == 78


async def test_a_worker_told_to_stop_ends_by_itself(floor: Opener) -> None:
    async with floor(names=("identity", "htm")) as at:
        process = await start_worker(at, str(floor.folder / "targets.toml"), "")
        intent = await at.house.act_as("intent")
        from grace.contracts.worker import ListTargets  # noqa: PLC0415 - for this test alone

        await eventually(lambda: intent.call(ListTargets()), timeout=20)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
