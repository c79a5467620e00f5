"""Where playbooks stand on the ladder, who moved them, and which outcomes were counted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from grace.governance.domain.autonomy import INITIAL, Key, Level, Standing, first
from grace.governance.store.autonomy.statements import QUERIES
from grace.kit import Record, Transaction, Unavailable


class OutcomesMoved(Unavailable):
    """Outcomes were counted for another playbook meanwhile; they are looked at again."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted of a contract."""

    contract_id: str
    revision: int
    verdict: str
    executed: bool


class Levels:
    """The ladder, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def find(self, keys: Collection[Key]) -> dict[Key, Standing]:
        """Return where these stand; those without a row are left out."""
        rows = await self._tx.fetch(QUERIES["find_levels"], **_columns(keys))
        return {found.key: found for found in map(_standing, rows)}

    async def lock(self, keys: Collection[Key]) -> dict[Key, Standing]:
        """Return where all of these stand, locked until the transaction ends."""
        begin = first(Key("", "", ""))
        await self._tx.execute(
            QUERIES["begin_levels"],
            level=INITIAL,
            changed_by=begin.changed_by,
            reason=begin.reason,
            **_columns(keys),
        )
        rows = await self._tx.fetch(QUERIES["lock_levels"], **_columns(keys))
        return {found.key: found for found in map(_standing, rows)}

    async def set(self, before: Standing, now: Standing) -> None:
        """Keep where a locked playbook stands; a move is kept for good beside."""
        where = {
            "tenant_id": now.key.tenant_id,
            "playbook": now.key.playbook,
            "target_class": now.key.target_class,
        }
        told = {
            "level": now.level,
            "version": now.version,
            "changed_at": now.changed_at,
            "changed_by": now.changed_by,
            "reason": now.reason,
        }
        await self._tx.execute(
            QUERIES["set_level"], verified=now.verified, failed=now.failed, **where, **told
        )
        if now.version > before.version:
            await self._tx.execute(QUERIES["insert_level_change"], **where, **told)

    async def page(self, tenant_id: str, *, after: str | None, limit: int) -> list[Standing]:
        """Return a page of a tenant's playbooks, by name."""
        rows = await self._tx.fetch(
            QUERIES["list_levels"], tenant_id=tenant_id, after=after, limit=limit
        )
        return [_standing(row) for row in rows]

    async def changes(self, key: Key, *, limit: int) -> list[Standing]:
        """Return the last moves of a playbook, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_level_changes"],
            tenant_id=key.tenant_id,
            playbook=key.playbook,
            target_class=key.target_class,
            limit=limit,
        )
        return [_change(key, row) for row in rows]

    async def counted(self, contract_ids: Sequence[str]) -> dict[str, Counted]:
        """Return what was counted of these contracts before."""
        rows = await self._tx.fetch(QUERIES["counted_outcomes"], contract_ids=list(contract_ids))
        return {row["contract_id"]: Counted(**row) for row in rows}

    async def count(self, counted: Collection[Counted]) -> None:
        """Keep how contracts ended; the standings that they count for are locked."""
        if not counted:
            return
        ordered = sorted(counted, key=lambda each: each.contract_id)
        written = await self._tx.execute(
            QUERIES["count_outcomes"],
            contract_ids=[each.contract_id for each in ordered],
            revisions=[each.revision for each in ordered],
            verdicts=[each.verdict for each in ordered],
            executed=[each.executed for each in ordered],
        )
        if written < len(ordered):
            raise OutcomesMoved


def _columns(keys: Collection[Key]) -> dict[str, list[str]]:
    return {
        "tenant_id": [key.tenant_id for key in keys],
        "playbook": [key.playbook for key in keys],
        "target_class": [key.target_class for key in keys],
    }


def _standing(row: Record) -> Standing:
    return Standing(
        key=Key(row["tenant_id"], row["playbook"], row["target_class"]),
        level=Level(row["level"]),
        version=row["version"],
        verified=row["verified"],
        failed=row["failed"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        reason=row["reason"],
    )


def _change(key: Key, row: Record) -> Standing:
    return Standing(
        key=key,
        level=Level(row["level"]),
        version=row["version"],
        verified=0,
        failed=0,
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        reason=row["reason"],
    )
