"""Tasks as they come in, wait, and are looked at."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from grace.contracts.htm import Attempt, Task
from grace.htm.domain.announcements import Moved
from grace.htm.domain.relations import Key
from grace.htm.domain.routing import NewTask, StoredKey
from grace.htm.store.shapes import moved_of
from grace.htm.store.statements import QUERIES
from grace.kit import Transaction


class Tasks:
    """The tasks themselves, inside one transaction."""

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
            lanes=[task.lane for task in tasks],
            run_ats=[task.run_at for task in tasks],
            deadlines=[task.deadline_at for task in tasks],
            waits=[task.relations.has_to_wait for task in tasks],
            aging_step=aging_step,
        )
        return frozenset(row["id"] for row in rows)

    async def find_keys(self, keys: Collection[Key]) -> Mapping[Key, StoredKey]:
        """What tenants' client keys stand for already."""
        if not keys:
            return {}
        tenants, names = zip(*keys, strict=True)
        rows = await self._tx.fetch(QUERIES["find_keys"], tenants=list(tenants), keys=list(names))
        return {
            (row["tenant_id"], row["key"]): StoredKey(row["task_id"], row["body_hash"])
            for row in rows
        }

    async def next_due(self) -> timedelta | None:
        """How long until the next wait is over; None where nothing waits for its time."""
        left: timedelta | None = await self._tx.fetchval(QUERIES["next_due"])
        return left

    async def promote_tasks(self, *, aging_step: timedelta, most: int) -> list[str]:
        """Queue tasks whose wait is over; returns the kernel of each."""
        rows = await self._tx.fetch(QUERIES["promote_tasks"], aging_step=aging_step, most=most)
        return [row["kernel"] for row in rows]

    async def expire_tasks(self, *, most: int) -> list[Moved]:
        """End tasks that nobody began in time."""
        return [moved_of(row) for row in await self._tx.fetch(QUERIES["expire_tasks"], most=most)]

    async def stop_overdue(self, *, most: int) -> int:
        """Ask for the end of tasks at work whose deadline has passed; returns how many."""
        return await self._tx.execute(QUERIES["stop_overdue"], most=most)

    async def find_tasks(self, task_ids: Collection[UUID]) -> list[Task]:
        """Tasks with their attempts, as they stand; an unknown id yields none."""
        # The tasks first: one that has ended must not be shown with an attempt that still runs.
        rows = await self._tx.fetch(QUERIES["find_tasks"], task_ids=list(task_ids))
        attempts: defaultdict[str, list[Attempt]] = defaultdict(list)
        for row in await self._tx.fetch(QUERIES["find_attempts"], task_ids=list(task_ids)):
            attempts[row["task_id"]].append(Attempt(**row))
        return [Task(**row, attempts=tuple(attempts[row["task_id"]])) for row in rows]
