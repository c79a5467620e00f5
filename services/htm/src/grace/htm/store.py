"""What htm writes: the statements on its tables, and the messages that tell others of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from grace.contracts.htm import (
    Attempt,
    FinishedTask,
    Job,
    JobsCompleted,
    JobsEnqueued,
    Task,
    TasksFinished,
    WorkHint,
)
from grace.contracts.subjects import SUBJECTS
from grace.htm.domain.announcements import Moved, per_tenant
from grace.htm.domain.lifecycle import State
from grace.htm.domain.owner import Owner
from grace.htm.domain.reports import Attempted, Closing, Ending, Fence
from grace.htm.domain.retry import History
from grace.htm.domain.routing import NewTask, StoredKey
from grace.htm.domain.schedule import Head, Request
from grace.kit import Queries, Record, Transaction, Unit

QUERIES = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task in a worker's hands; `spec` is its order as JSON text."""

    attempt_number: int
    spec: str


class Store:
    """The tables of htm, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert_tasks(
        self, tasks: Sequence[NewTask], *, aging_step: timedelta
    ) -> frozenset[UUID]:
        """Take in the tasks whose keys are new; returns their ids."""
        rows = await self._tx.fetch(
            QUERIES["insert_tasks"],
            task_ids=[task.task_id for task in tasks],
            keys=[task.key for task in tasks],
            body_hashes=[task.body_hash for task in tasks],
            tenants=[task.tenant_id for task in tasks],
            types=[task.type for task in tasks],
            kernels=[task.kernel for task in tasks],
            origins=[task.origin for task in tasks],
            priorities=[task.priority for task in tasks],
            max_attempts=[task.max_attempts for task in tasks],
            slas=[task.sla for task in tasks],
            contract_ids=[task.contract_id for task in tasks],
            mission_ids=[task.mission_id for task in tasks],
            specs=[task.spec for task in tasks],
            spec_sizes=[task.spec_size_bytes for task in tasks],
            data_sizes=[task.data_size_bytes for task in tasks],
            expires=[task.expires for task in tasks],
            aging_step=aging_step,
        )
        return frozenset(row["id"] for row in rows)

    async def find_keys(self, tasks: Sequence[NewTask]) -> Mapping[tuple[str, str], StoredKey]:
        """What the tasks' tenants and keys stand for already."""
        if not tasks:
            return {}
        rows = await self._tx.fetch(
            QUERIES["find_keys"],
            tenants=[task.tenant_id for task in tasks],
            keys=[task.key for task in tasks],
        )
        return {
            (row["tenant_id"], row["key"]): StoredKey(row["task_id"], row["body_hash"])
            for row in rows
        }

    async def lock_claims(self) -> None:
        """Wait until no other transaction hands out tasks, and keep it so."""
        await self._tx.execute(QUERIES["lock_claims"])

    async def queue_heads(self, wanted: Mapping[str, int]) -> list[Head]:
        """The tasks that come next, so many per kernel."""
        if not wanted:
            return []
        rows = await self._tx.fetch(
            QUERIES["queue_heads"], kernels=list(wanted), slots=list(wanted.values())
        )
        return [
            Head(row["id"], row["kernel"], row["order_key"], row["spec_size_bytes"]) for row in rows
        ]

    async def assign_tasks(
        self, chosen: Sequence[tuple[UUID, Request]], *, lease: timedelta
    ) -> Mapping[UUID, Claimed]:
        """Hand tasks to the workers that asked; what somebody moved meanwhile is missing."""
        if not chosen:
            return {}
        rows = await self._tx.fetch(
            QUERIES["assign_tasks"],
            task_ids=[task_id for task_id, _ in chosen],
            components=[request.owner.component for _, request in chosen],
            workers=[request.owner.worker_id for _, request in chosen],
            key_ids=[request.key_id for _, request in chosen],
            lease=lease,
        )
        return {row["id"]: Claimed(row["attempt_number"], row["spec"]) for row in rows}

    async def attempted_tasks(self, task_ids: Collection[UUID]) -> Mapping[UUID, Attempted]:
        """The tasks with their newest attempt, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["attempted_tasks"], task_ids=list(task_ids))
        return {row["id"]: _attempted(row) for row in rows}

    async def lapsed_tasks(self, *, most: int) -> list[Attempted]:
        """Tasks whose lease ran out, locked until the transaction ends."""
        rows = await self._tx.fetch(QUERIES["lapsed_tasks"], most=most)
        return [_attempted(row) for row in rows]

    async def start_attempts(self, fences: Sequence[Fence]) -> int:
        """Note that attempts run; returns how many."""
        if not fences:
            return 0
        return await self._tx.execute(
            QUERIES["start_attempts"],
            task_ids=[fence.task_id for fence in fences],
            attempt_numbers=[fence.attempt_number for fence in fences],
        )

    async def close_attempts(self, closings: Sequence[Closing]) -> list[Moved]:
        """End attempts and move their tasks; what had ended before is missing."""
        if not closings:
            return []
        rows = await self._tx.fetch(
            QUERIES["close_attempts"],
            task_ids=[closing.fence.task_id for closing in closings],
            attempt_numbers=[closing.fence.attempt_number for closing in closings],
            endings=[closing.ending for closing in closings],
            states=[closing.state for closing in closings],
            delays=[closing.delay for closing in closings],
            error_classes=[closing.error_class for closing in closings],
            error_messages=[closing.error_message for closing in closings],
            results=[closing.result_json for closing in closings],
        )
        return [_moved(row) for row in rows]

    async def extend_leases(
        self, attempts: Collection[tuple[UUID, int]], owner: Owner, *, lease: timedelta
    ) -> frozenset[tuple[UUID, int]]:
        """Renew the leases of an owner's attempts; returns those that are not its own."""
        rows = await self._tx.fetch(
            QUERIES["extend_leases"],
            task_ids=[task_id for task_id, _ in attempts],
            attempt_numbers=[number for _, number in attempts],
            component=owner.component,
            worker_id=owner.worker_id,
            lease=lease,
        )
        return frozenset((row["task_id"], row["attempt_number"]) for row in rows)

    async def promote_tasks(self, *, aging_step: timedelta, most: int) -> list[str]:
        """Queue tasks whose wait is over; returns the kernel of each."""
        rows = await self._tx.fetch(QUERIES["promote_tasks"], aging_step=aging_step, most=most)
        return [row["kernel"] for row in rows]

    async def expire_tasks(self, *, most: int) -> list[Moved]:
        """End tasks that nobody began in time."""
        return [_moved(row) for row in await self._tx.fetch(QUERIES["expire_tasks"], most=most)]

    async def find_tasks(self, task_ids: Collection[UUID]) -> list[Task]:
        """Tasks with their attempts, as they stand; an unknown id yields none."""
        # The tasks first: one that has ended must not be shown with an attempt that still runs.
        rows = await self._tx.fetch(QUERIES["find_tasks"], task_ids=list(task_ids))
        attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
        for row in await self._tx.fetch(QUERIES["find_attempts"], task_ids=list(task_ids)):
            attempts[row["task_id"]].append(Attempt(**row))
        return [Task(**row, attempts=tuple(attempts[row["task_id"]])) for row in rows]


def tell_enqueued(unit: Unit, tasks: Sequence[NewTask]) -> None:
    """Tell that tasks were taken in, and wake the workers that wait for them."""
    for tenant_id, batch in per_tenant(tasks):
        jobs = [Job(task_id=str(t.task_id), type=t.type, origin=t.origin) for t in batch]
        unit.publish(JobsEnqueued(jobs=tuple(jobs)), tenant=tenant_id)
    hint_work(unit, (task.kernel for task in tasks))


def hint_work(unit: Unit, kernels: Iterable[str]) -> None:
    """Wake idle workers of these kernels, once each."""
    for kernel in sorted(set(kernels)):
        subject = SUBJECTS[WorkHint.SUBJECT].at(kernel=kernel)
        unit.hint(WorkHint(kernel=kernel), subject=subject)


def tell_moved(unit: Unit, moved: Sequence[Moved]) -> None:
    """Tell which tasks came to rest, and which of them succeeded."""
    for tenant_id, batch in per_tenant([task for task in moved if task.is_worth_telling]):
        unit.publish(TasksFinished(tasks=tuple(map(_finished, batch))), tenant=tenant_id)
        jobs = [
            Job(task_id=str(t.task_id), type=t.type, origin=t.origin)
            for t in batch
            if t.state is State.SUCCEEDED
        ]
        if jobs:
            unit.publish(JobsCompleted(jobs=tuple(jobs)), tenant=tenant_id)


def _finished(task: Moved) -> FinishedTask:
    return FinishedTask(
        task_id=str(task.task_id),
        outcome=task.state,
        type=task.type,
        attempts=task.attempt_number,
        contract_id=task.contract_id,
        mission_id=task.mission_id,
    )


def _attempted(row: Record) -> Attempted:
    claimed = row["worker_id"] is not None
    return Attempted(
        task_id=row["id"],
        state=State(row["status"]),
        owner=Owner(row["worker_component"], row["worker_id"]) if claimed else None,
        ending=Ending(row["ending"]),
        history=History(row["attempt_number"], row["max_attempts"], row["failures"], row["lapses"]),
    )


def _moved(row: Record) -> Moved:
    return Moved(
        task_id=row["id"],
        attempt_number=row["attempt_number"],
        tenant_id=row["tenant_id"],
        type=row["type"],
        origin=row["origin"],
        state=State(row["status"]),
        contract_id=row["contract_id"],
        mission_id=row["mission_id"],
    )
