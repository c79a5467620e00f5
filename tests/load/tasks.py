"""Tasks through htm beside a raw Postgres queue, in turns, in one run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from load import raw
from load.apart import Apart, Grounds
from load.figures import BenchError, Figure, figure
from load.hands import KERNEL
from load.sizes import Sizes

from grace.contracts.htm import Quota, SetLimit, SetQuotas, SubmitTasks, TasksFinished, TaskSpec
from grace.kit import (
    Gathering,
    Received,
    Runtime,
    Service,
    ServiceSettings,
    Stream,
    Unit,
    new_id,
    running,
)
from grace.stack.demo.targets_file import register
from grace.stack.installation import Installation, migrations_of

_BATCH = 100
_RATE = 50  # tasks a second, where one task's time is measured
_LONGEST_SECONDS = 120.0
_CAPACITY = 10_000
_SUBMIT_SECONDS = 30.0
_TOGETHER = 1000  # tasks of a request
# The worker lets a target have 40 operations at once, then 20 a second: no target gets more.
_TASKS_OF_A_TARGET = 20
_COUNT = """
    SELECT count(*) AS stored, count(*) FILTER (WHERE status = 'succeeded') AS succeeded,
           count(*) FILTER (WHERE attempt_number <> 1) AS repeated
      FROM htm.htm_tasks WHERE type = $1
"""


class Submitter:
    """Verification's name and key: submits tasks and hears which have ended."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._ended: dict[str, float] = {}
        self._wanted = 0
        self._complete = asyncio.Event()
        self._heard = asyncio.Event()
        self.submitted_per_s = 0.0  # of the last round
        self._runtime: Runtime | None = None
        self._together: Gathering[TaskSpec, str] | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Submitter]:
        """Connected for the length of the block."""
        async with running(self._service()) as self._runtime:
            self._together = Gathering(
                self._runtime, self._submit_together, most=_TOGETHER, weight=lambda _: 1
            )
            yield self

    def _service(self) -> Service:
        service = service_named("verification", self._grounds)
        return service.handle(Stream().on(TasksFinished, self._on_finished))

    async def _on_finished(self, messages: Sequence[Received[TasksFinished]], _: Unit) -> None:
        now = time.monotonic()
        self._ended |= {task.task_id: now for m in messages for task in m.body.tasks}
        self._heard.set()
        if len(self._ended) >= self._wanted:
            self._complete.set()

    async def round(self, specs: Sequence[TaskSpec], *, batch: int) -> float:
        """Tasks a second from the first submission to the last event that tells of an end."""
        self._ended, self._wanted = {}, len(specs)
        self._complete.clear()
        begun = time.monotonic()
        await raw.in_flight(specs, batch, self._submit)
        self.submitted_per_s = len(specs) / (time.monotonic() - begun)
        await self._complete.wait()
        return len(specs) / (max(self._ended.values()) - begun)

    async def latency(self, spec: TaskSpec) -> float:
        """Milliseconds from the submission of one task to the event that tells of its end."""
        begun = time.monotonic()
        (task_id,) = await self._submit([spec])
        while task_id not in self._ended:
            self._heard.clear()
            await self._heard.wait()
        return (self._ended[task_id] - begun) * 1000

    async def _submit(self, specs: Sequence[TaskSpec]) -> Sequence[str]:
        """What is submitted one by one goes as the gateway sends it: with all that wait, at once."""
        assert self._together is not None
        if len(specs) == 1:
            return [await self._together.ask(specs[0])]
        return await self._submit_together(specs)

    async def _submit_together(self, specs: Sequence[TaskSpec]) -> Sequence[str]:
        assert self._runtime is not None
        request = SubmitTasks(tasks=tuple(specs))
        answer = await self._runtime.call(request, timeout=_SUBMIT_SECONDS)
        return [task.task_id for task in answer.tasks]


async def set_limits(
    grounds: Grounds, *, share: int | None = None, key: str | None = None, capacity: int = _CAPACITY
) -> None:
    """Let more be in flight than workers take, so that limits are looked at and bind nobody.

    `share` gives the submitter a quota in percent, `key` gets a limit of each kind.
    """
    quota = None if share is None else Quota(
        origin="verification", share_percent=share, weight=1.0, lends=True
    )  # fmt: skip
    async with running(service_named("gateway", grounds)) as gateway:
        quotas = () if quota is None else (quota,)
        await gateway.call(SetQuotas(capacity=capacity, quotas=quotas, requested_by="bench"))
        if key is not None:
            await gateway.call(SetLimit(
                tenant_id="default", key=key, concurrency=_CAPACITY, rate_per_second=1e6,
                burst=1_000_000, requested_by="bench",
            ))  # fmt: skip


def service_named(name: str, grounds: Grounds) -> Service:
    """A service's name and key, and nothing of what it does."""
    values = grounds.installation.settings(name, grounds.database)
    known = {k: v for k, v in values.items() if k in ServiceSettings.model_fields}
    service = Service(name, ServiceSettings(**known))
    service.migrations = migrations_of(name)
    return service


async def measure(apart: Apart, sizes: Sizes) -> list[Figure]:
    """Batches and single tasks in turns with raw Postgres, then one at a time at a fixed rate."""
    await raw.make_database(apart)
    await set_limits(apart.grounds)
    names = [f"hands-{number}" for number in range(sizes.workers)]
    await asyncio.gather(*(apart.hands(name) for name in names))
    async with Submitter(apart.grounds).open() as submitter:
        turns = Turns(apart, submitter, sizes.workers)
        await turns.warm_up()
        figures = [
            *await turns.pairs("batch", sizes.pairs, sizes.batch_tasks, batch=_BATCH),
            *await turns.pairs("single", sizes.pairs, sizes.single_tasks, batch=1),
            await turns.paced(sizes.paced_tasks),
        ]
    await apart.stop(*names)
    return figures


class Turns:
    """Rounds of tasks, each checked in htm's own table."""

    def __init__(self, apart: Apart, submitter: Submitter, workers: int) -> None:
        self._apart = apart
        self._workers = workers
        self._submitter = submitter

    async def warm_up(self) -> None:
        """Let connections be made and statements be planned."""
        await self.through(200, batch=_BATCH)

    async def pairs(self, name: str, pairs: int, tasks: int, *, batch: int) -> list[Figure]:
        """Raw and htm in turns; the ratio is of the two that followed each other."""
        plain, through, ratios = [], [], []
        for _ in range(pairs):
            payloads = [spec.params for spec in specs("raw", tasks)]
            work = raw.round_of(self._apart, payloads, batch=batch, workers=self._workers)
            plain.append(await self._apart.while_alive(work, within=_LONGEST_SECONDS))
            through.append(await self.through(tasks, batch=batch))
            ratios.append(through[-1] / plain[-1])
        return [
            figure(f"tasks.{name}.raw", "tasks/s", plain),
            figure(f"tasks.{name}.htm", "tasks/s", through),
            figure(f"tasks.{name}.ratio", "htm / raw", ratios),
        ]

    async def through(self, tasks: int, *, batch: int, **changes: object) -> float:
        """Tasks a second through htm."""
        return await self._round(specs(f"bench.{new_id()}", tasks, **changes), batch=batch)

    async def _round(self, wanted: Sequence[TaskSpec], *, batch: int) -> float:
        work = self._submitter.round(wanted, batch=batch)
        rate = await self._apart.while_alive(work, within=_LONGEST_SECONDS)
        await self._check(wanted)
        return rate

    async def paced(self, tasks: int) -> Figure:
        """One task in a submission, fifty a second, whether or not the last one has ended."""
        return figure("tasks.paced.latency", "ms", await self.latencies(tasks))

    async def latencies(self, tasks: int, **changes: object) -> Sequence[float]:
        """Milliseconds of each."""
        wanted = specs(f"bench.{new_id()}", tasks, **changes)
        work = self._at_a_rate(wanted)
        found = await self._apart.while_alive(work, within=_LONGEST_SECONDS)
        await self._check(wanted)
        return found

    async def _at_a_rate(self, wanted: Sequence[TaskSpec]) -> list[float]:
        begun = time.monotonic()

        async def one(number: int, spec: TaskSpec) -> float:
            await asyncio.sleep(begun + number / _RATE - time.monotonic())
            return await self._submitter.latency(spec)

        return await asyncio.gather(*(one(*each) for each in enumerate(wanted)))

    async def kernel(self, tasks: int) -> Figure:
        """Tasks that a real kernel carries out: it counts the files of an empty folder."""
        wanted = specs(
            f"bench.{new_id()}",
            tasks,
            kernel="filesystem",
            operation="filesystem.usage",
            params="{}",
        )
        spread = [
            spec.model_copy(update={"target": _target(number // _TASKS_OF_A_TARGET)})
            for number, spec in enumerate(wanted)
        ]
        return figure("tasks.kernel.htm", "tasks/s", [await self._round(spread, batch=_BATCH)])

    async def _check(self, wanted: Sequence[TaskSpec]) -> None:
        """A figure of tasks that were not done, or done twice, would be a false success."""
        admin = await self._apart.grounds.installation.admin(self._apart.grounds.database)
        try:
            row = await admin.fetchrow(_COUNT, wanted[0].type)
        finally:
            await admin.close()
        if (row["stored"], row["succeeded"], row["repeated"]) != (len(wanted), len(wanted), 0):
            raise BenchError(f"of {len(wanted)} tasks htm has {dict(row)}")


async def measure_kernel(apart: Apart, sizes: Sizes) -> list[Figure]:
    """The real worker, twice, with its default settings."""
    await set_limits(apart.grounds)
    _register(apart.grounds.installation, -(-sizes.kernel_tasks // _TASKS_OF_A_TARGET))
    names = [f"worker-{number}" for number in range(sizes.workers)]
    await asyncio.gather(*(apart.service("worker", alias=name) for name in names))
    async with Submitter(apart.grounds).open() as submitter:
        found = [await Turns(apart, submitter, sizes.workers).kernel(sizes.kernel_tasks)]
    await apart.stop(*names)
    return found


def _register(installation: Installation, targets: int) -> None:
    folder = installation.root / "files"
    folder.mkdir(exist_ok=True)
    for number in range(targets):
        entry = {"kind": "filesystem", "environment": "bench", "root": str(folder)}
        register(installation.targets_file, _target(number), entry)


def _target(number: int) -> str:
    return f"bench-files-{number}"


def specs(kind: str, count: int, **changes: object) -> list[TaskSpec]:
    """Orders of about 300 bytes that nobody else has."""
    return [TaskSpec.model_validate({**_order(kind, number), **changes}) for number in range(count)]


def _order(kind: str, number: int) -> dict[str, Any]:
    return {
        "key": str(new_id()), "type": kind, "kernel": KERNEL, "origin": "verification",
        "operation": "bench.nothing", "step": "observe", "target": "nowhere",
        "params": raw.params_of(number), "priority": 0, "timeout_ms": 10_000,
        "max_attempts": 3, "sla_ms": 600_000, "tenant_id": "default",
    }  # fmt: skip
