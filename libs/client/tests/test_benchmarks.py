"""Benchmarks from the command line: what they say, and how they end."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from typer.testing import CliRunner

from grace.client.cli import build
from grace.contracts.htm import ClaimTasks, TaskUpdate, TaskUpdateStatus
from grace.kit import Runtime
from grace.testkit import eventually
from grace.testkit.validating import Validating

OpenGrace = Callable[..., Any]


async def measure(worker: Runtime, result: str) -> None:
    """Make the next measurement as a worker."""

    async def claimed() -> Any:
        answer = await worker.call(ClaimTasks(worker_id="w", kernels=("noop",), slots=1))
        return answer.tasks[0] if answer.tasks else None

    task = await eventually(claimed, timeout=10)
    await worker.report(
        TaskUpdate(
            task_id=task.task_id,
            status=TaskUpdateStatus.completed,
            worker_id="w",
            attempt_number=task.attempt_number,
            at=datetime.now(UTC),
            result_json=result,
        )
    )


async def test_a_suite_ends_with_zero_where_it_passes_and_with_one_where_it_does_not(
    open_grace: OpenGrace,
) -> None:
    at_once = {"run_apart": timedelta(milliseconds=1)}
    async with open_grace("htm", "verification", verification=at_once) as place:
        worker = await place.house.act_as("worker", Validating().rpc)
        options = ["--url", place.url, "--key-file", str(place.key_file)]

        def grace(*words: str) -> Any:
            return asyncio.create_task(
                asyncio.to_thread(CliRunner().invoke, build(), [*options, *words])
            )

        refused = await grace("benchmarks", "smoke")
        assert (refused.exit_code, "no golden baseline" in refused.stderr) == (5, True)
        taking = grace("baselines", "take", "shop", "noop.look")
        await measure(worker, '{"rate": 100}')
        assert (await taking).exit_code == 0

        passing = grace("benchmarks", "smoke", "--target", "shop")
        await measure(worker, '{"rate": 1}')
        assert (await passing).exit_code == 0
        drifting = grace("benchmarks", "regression", "--tolerance", "0.1")
        for _ in range(3):
            await measure(worker, '{"rate": 50}')
        ended = await drifting
        assert (ended.exit_code, "rate drifts by 50%" in ended.stdout) == (1, True)
