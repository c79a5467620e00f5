"""Which task holds a unique key."""

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from grace.htm.domain.announcements import Moved
from grace.htm.domain.lifecycle import State
from grace.htm.domain.routing import NewTask
from grace.htm.domain.unique import Holder, UniqueKey
from grace.htm.store.shapes import moved_of
from grace.htm.store.unique.statements import QUERIES
from grace.kit import Transaction


class UniqueKeys:
    """Unique keys and the live tasks that hold them, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def lock_keys(self, keys: Collection[UniqueKey]) -> Mapping[UniqueKey, UUID]:
        """Lock keys until the transaction ends; returns the tasks that held them last."""
        rows = await self._tx.fetch(
            QUERIES["lock_unique_keys"],
            tenants=[tenant_id for tenant_id, _ in keys],
            keys=[key for _, key in keys],
        )
        return {(r["tenant_id"], r["unique_key"]): r["task_id"] for r in rows if r["task_id"]}

    async def lock(self, keys: Collection[UniqueKey]) -> Mapping[UniqueKey, Holder]:
        """The same; returns the live tasks that hold them, which stay so."""
        last = await self.lock_keys(keys)
        found = await self._tx.fetch(QUERIES["live_tasks"], task_ids=list(last.values()))
        live = {row["id"]: Holder(row["id"], State(row["status"])) for row in found}
        return {key: live[task_id] for key, task_id in last.items() if task_id in live}

    async def replace(self, replaced: Mapping[UUID, UUID]) -> list[Moved]:
        """End tasks, each for the one that takes its place."""
        if not replaced:
            return []
        rows = await self._tx.fetch(
            QUERIES["replace_tasks"],
            task_ids=list(replaced),
            principals=[f"task:{successor}" for successor in replaced.values()],
        )
        return [moved_of(row) for row in rows]

    async def hold(self, holding: Mapping[UniqueKey, UUID]) -> None:
        """Note which tasks hold these keys from now on."""
        if not holding:
            return
        await self._tx.execute(
            QUERIES["hold_unique_keys"],
            tenants=[tenant_id for tenant_id, _ in holding],
            keys=[key for _, key in holding],
            task_ids=list(holding.values()),
        )

    async def note_joined(self, joined: Sequence[tuple[NewTask, UUID]]) -> int:
        """Let client keys stand for the tasks that they joined; returns how many are new."""
        if not joined:
            return 0
        rows = await self._tx.fetch(
            QUERIES["note_joined"],
            tenants=[task.tenant_id for task, _ in joined],
            keys=[task.key for task, _ in joined],
            task_ids=[holder for _, holder in joined],
            body_hashes=[task.body_hash for task, _ in joined],
        )
        return len(rows)

    async def drop(self, *, most: int) -> int:
        """Forget keys whose tasks have ended, the oldest first; returns how many."""
        return await self._tx.execute(QUERIES["drop_unique_keys"], look=10 * most, most=most)
