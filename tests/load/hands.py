"""A worker whose tasks take no time: claims and reports through the kit with the worker's key.

What is left is htm itself: real requests, real reports in the stream, real rows.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from load.peers.work import Executions

from grace.contracts.htm import (
    ClaimedTask,
    ClaimTasks,
    TaskReports,
    TaskUpdate,
    TaskUpdateStatus,
    WorkHint,
)
from grace.kit import GraceError, Received, Runtime, Service, ServiceSettings, main, new_id

KERNEL = "bench"
CAPABILITY = "bench"
_SLOTS = 256
_REPORTS_AT_ONCE = 4
_IDLE_SECONDS = 1.0  # as the worker's claim_interval: a lost hint costs no more


class Hands:
    """Takes what there is, and says that it is done."""

    def __init__(self) -> None:
        self._worker = f"bench-{new_id()}"
        self._hinted = asyncio.Event()
        self._sending = asyncio.Semaphore(_REPORTS_AT_ONCE)
        self._executions = Executions() if "BENCH_COUNTS" in os.environ else None

    async def on_hint(self, _: Received[Any], __: Runtime) -> None:
        """Work waits."""
        self._hinted.set()

    async def run(self, runtime: Runtime) -> None:
        """Claim and report until the service stops."""
        while not runtime.stopping.is_set():
            self._hinted.clear()
            tasks = await self._claim(runtime)
            if tasks:
                async with self._sending:
                    pass
                runtime.soon(self._report(runtime, tasks))
            else:
                await self._idle()

    async def _claim(self, runtime: Runtime) -> tuple[ClaimedTask, ...]:
        request = ClaimTasks(
            worker_id=self._worker, kernels=(KERNEL,), slots=_SLOTS, capabilities=(CAPABILITY,)
        )
        with suppress(GraceError):
            return (await runtime.call(request)).tasks
        return ()

    async def _report(self, runtime: Runtime, tasks: tuple[ClaimedTask, ...]) -> None:
        async with self._sending:
            await runtime.report(TaskReports(updates=tuple(map(self._done, tasks))))

    def _done(self, task: ClaimedTask) -> TaskUpdate:
        if self._executions is not None:
            self._executions.add()
        return TaskUpdate(
            task_id=task.task_id,
            status=TaskUpdateStatus.completed,
            worker_id=self._worker,
            attempt_number=task.attempt_number,
            at=datetime.now(UTC),
            result_json='{"ok":true}',
        )

    async def _idle(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_IDLE_SECONDS):
                await self._hinted.wait()


def build() -> Service:
    """The worker's name, user and key, without a schema."""
    hands = Hands()
    return Service("worker", ServiceSettings()).listen(WorkHint, hands.on_hint).run(hands.run)


if __name__ == "__main__":
    main(build)
