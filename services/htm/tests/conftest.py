"""A running htm and the two who talk to it: verification, which submits, and a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from nats.aio.msg import Msg

from grace.contracts.htm import (
    Beat,
    Beaten,
    ClaimedTask,
    ClaimTasks,
    FinishedTask,
    GetTasks,
    Quota,
    ReportTasks,
    RunningAttempt,
    SetQuotas,
    SubmitTasks,
    SubmittedTask,
    Task,
    TasksFinished,
    TaskSpec,
    TaskUpdate,
    TaskUpdateStatus,
    WorkHint,
)
from grace.htm.loops import Expire, Follow, Promote, Rescue
from grace.htm.settings import Settings
from grace.htm.store.relations import Ends
from grace.kit import Runtime, new_id
from grace.kit.flushing import flush
from grace.testkit import House, eventually


@dataclass(frozen=True)
class Crew:
    """The acts of a test, and what a user of htm can see."""

    house: House
    htm: Runtime
    verification: Runtime
    worker: Runtime

    def spec(self, **changes: object) -> TaskSpec:
        """An order that any noop worker can do."""
        values: dict[str, object] = {
            "key": str(new_id()), "type": "noop.observe", "kernel": "noop",
            "origin": "verification", "operation": "noop.wait", "step": "observe",
            "target": "nowhere", "params": "{}", "priority": 0, "timeout_ms": 1000,
            "max_attempts": 3, "sla_ms": 60_000, "tenant_id": "default",
        }  # fmt: skip
        return TaskSpec.model_validate({**values, **changes})

    async def submit(self, *specs: TaskSpec) -> list[SubmittedTask]:
        """Submit as verification; without specs one ordinary task."""
        answer = await self.verification.call(SubmitTasks(tasks=specs or (self.spec(),)))
        return list(answer.tasks)

    async def claim(
        self,
        slots: int = 1,
        *,
        worker_id: str = "w1",
        kernels: Sequence[str] = ("noop",),
        capabilities: Sequence[str] = (),
        largest_bytes: int | None = None,
    ) -> list[ClaimedTask]:
        """Claim as a worker."""
        request = ClaimTasks(
            worker_id=worker_id,
            kernels=tuple(kernels),
            slots=slots,
            capabilities=tuple(capabilities),
            largest_bytes=largest_bytes,
        )
        return list((await self.worker.call(request)).tasks)

    async def share_out(self, capacity: int, *quotas: Quota) -> None:
        """Set capacity and quotas as the gateway does."""
        gateway = await self.house.act_as("gateway")
        await gateway.call(SetQuotas(capacity=capacity, quotas=quotas, requested_by="ada"))

    async def claimed(self, **changes: object) -> ClaimedTask:
        """A task that was submitted and claimed."""
        await self.submit(self.spec(**changes))
        (task,) = await self.claim()
        return task

    def update(self, task: ClaimedTask, status: str, **more: object) -> TaskUpdate:
        """A report on a claimed task, as its owner unless told otherwise."""
        values: dict[str, object] = {
            "task_id": task.task_id, "worker_id": "w1", "attempt_number": task.attempt_number,
            "status": TaskUpdateStatus(status), "at": datetime.now(UTC),
        }  # fmt: skip
        return TaskUpdate.model_validate({**values, **more})

    async def report(
        self, *updates: TaskUpdate, slots: int, worker_id: str = "w1"
    ) -> list[ClaimedTask]:
        """Report by request, and claim for so many free slots."""
        claim = ClaimTasks(worker_id=worker_id, kernels=("noop",), slots=slots) if slots else None
        answer = await self.worker.call(ReportTasks(updates=updates, claim=claim))
        return list(answer.tasks)

    async def beat(self, *tasks: ClaimedTask, worker_id: str = "w1") -> Beaten:
        """Beat for these attempts."""
        attempts = [
            RunningAttempt(task_id=task.task_id, attempt_number=task.attempt_number)
            for task in tasks
        ]
        return await self.worker.call(Beat(worker_id=worker_id, attempts=tuple(attempts)))

    async def task(self, task_id: str) -> Task:
        """A task as it stands."""
        (task,) = (await self.verification.call(GetTasks(task_ids=(task_id,)))).tasks
        return task

    async def rests_as(self, status: str, task_id: str) -> Task:
        """Wait until the task has this status."""

        async def found() -> Task | None:
            task = await self.task(task_id)
            return task if task.status == status else None

        task: Task = await eventually(found)
        return task

    async def let_pass(self, column: str) -> None:
        """Let the time in a column of every unfinished task come: a lease, a wait, a deadline."""
        await self.house.rows(
            "htm",
            f"WITH open AS (SELECT id FROM htm_tasks WHERE finished_at IS NULL ORDER BY id FOR UPDATE)"
            f" UPDATE htm_tasks t SET {column} = {column} - interval '1 hour'"
            f" FROM open WHERE t.id = open.id RETURNING t.id",
        )

    async def lapse(self) -> None:
        """Let every lease lapse and be noticed."""
        await self.let_pass("lease_until")
        await Rescue(Settings()).tick(self.htm)

    async def expired(self, task_id: str) -> None:
        """Tick until the task has expired."""

        async def gone() -> bool:
            await Expire(Settings()).tick(self.htm)
            return (await self.task(task_id)).status == "expired"

        await eventually(gone)

    async def queue_again(self) -> None:
        """Let every wait be over and be noticed."""
        await self.let_pass("not_before")
        await Promote(Settings()).tick(self.htm)

    async def follow(self) -> None:
        """Let every end be followed, and the ends that come of it."""
        while await Follow(Settings()).tick(self.htm):
            pass

    async def standing(self, *task_ids: str) -> list[str]:
        """How tasks stand when every end was followed."""
        await self.follow()
        return [(await self.task(task_id)).status for task_id in task_ids]

    async def done(self, task: ClaimedTask, status: str = "completed", **more: object) -> None:
        """Report an end and wait until it is taken in."""
        await self.worker.report(self.update(task, status, **more))

        async def taken_in() -> bool:
            return (await self.task(task.task_id)).status not in {"assigned", "running"}

        await eventually(taken_in)

    async def hints(self) -> list[str]:
        """The kernels that workers are woken for from now on."""
        heard: list[str] = []
        client = await self.house.connect("worker")

        async def hear(message: Msg) -> None:
            heard.append(WorkHint.from_bytes(message.data).kernel)

        await client.subscribe("htm.work.*", cb=hear)
        await flush(client)
        return heard

    async def finished(self, count: int) -> list[FinishedTask]:
        """Wait until so many ends were told, each event counted as often as it was sent."""

        async def told() -> list[FinishedTask]:
            messages = await self.house.messages(TasksFinished.SUBJECT)
            tasks = [t for m in messages for t in TasksFinished.from_bytes(m.data).tasks]
            return tasks if len(tasks) == count else []

        tasks: list[FinishedTask] = await eventually(told)
        return tasks


NEVER = timedelta(hours=1)
_LOOPS = ("promote", "schedule", "rescue", "expire", "follow", "sla", "roll_up", "prune", "count")
BY_HAND = {f"{loop}_interval": NEVER for loop in _LOOPS}


@asynccontextmanager
async def _crew(house: House, settings: dict[str, object]) -> AsyncIterator[Crew]:
    async with house.running("htm", htm=settings) as services:
        verification = await house.act_as("verification")
        worker = await house.act_as("worker")
        yield Crew(house, services["htm"], verification, worker)


@contextmanager
def _unwoken(htm: Runtime) -> Iterator[None]:
    """No end wakes the loop that follows."""
    woken = htm._wakes.pop(Ends)
    try:
        yield
    finally:
        htm._wakes[Ends] = woken


@asynccontextmanager
async def _crew_by_hand(house: House, **settings: object) -> AsyncIterator[Crew]:
    async with _crew(house, {**BY_HAND, **settings}) as crew:
        with _unwoken(crew.htm):
            yield crew


@pytest.fixture
async def crew(house: House) -> AsyncIterator[Crew]:
    """The loops tick when a test says so."""
    async with _crew_by_hand(house) as crew:
        yield crew


@pytest.fixture
async def wide_crew(house: House) -> AsyncIterator[Crew]:
    """The same with connections for many who wait at once."""
    async with _crew_by_hand(house, pool_size=8) as crew:
        yield crew


@pytest.fixture
async def strict_crew(house: House) -> AsyncIterator[Crew]:
    """The same where a kernel that no worker has asked for is refused."""
    async with _crew_by_hand(house, unknown_kernels="refuse") as crew:
        yield crew


SLOW = {"first": timedelta(minutes=30), "longest": timedelta(minutes=30), "spread": 0}


@pytest.fixture
async def patient_crew(house: House) -> AsyncIterator[Crew]:
    """The same where some types are tried again late, and others not for every failure."""
    special = {"slow.*": SLOW, "slow.but.this": {}, "once": {"retryable": ["timeout"]}}
    async with _crew_by_hand(house, retry_policies=special) as crew:
        yield crew


@pytest.fixture
async def woken_crew(house: House) -> AsyncIterator[Crew]:
    """The loops tick when they are woken, and at no time of the clock."""
    async with _crew(house, {**BY_HAND}) as crew:
        yield crew


@pytest.fixture
async def quick_crew(house: House) -> AsyncIterator[Crew]:
    """The loops tick by themselves, and a lease lapses soon."""
    quick = timedelta(milliseconds=50)
    intervals = {"promote_interval": quick, "rescue_interval": quick, "expire_interval": quick}
    async with _crew(house, {**intervals, "lease": 4 * quick, "retry_first": quick}) as crew:
        yield crew
