"""What missions wait for, and what happened before them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter

from grace.intent.domain.hold import LOOK, Earlier, Past
from grace.intent.domain.mission import Mission
from grace.intent.store.missions import mission_of
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction
from grace.kit.sql import Record


@dataclass(frozen=True, slots=True)
class Held:
    """A mission with its hold; `until` is None where only a person ends it."""

    mission: Mission
    cause: str
    held_at: datetime
    until: datetime | None
    playbook: str | None


class Holds:
    """The holds, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def histories(
        self, mission_ids: Sequence[str], *, within: timedelta, most: int
    ) -> dict[str, Past]:
        """Return what happened lately, by mission id: at most so many missions each."""
        rows = await self._tx.fetch(
            QUERIES["find_histories"], mission_ids=mission_ids, within=within, most=most
        )
        grouped = groupby(rows, key=itemgetter("mission_id"))
        return {mission_id: _past(list(group)) for mission_id, group in grouped}

    async def page(self, tenant_id: str, *, before: str | None, most: int) -> list[Held]:
        """Return a page of a tenant's missions that wait, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_holds"], tenant_id=tenant_id, before=before, most=most
        )
        return [_held(row) for row in rows]

    async def release(self, tenant_id: str, mission_id: str, released_by: str) -> Mission | None:
        """Let a mission go on; None where it is not held."""
        row = await self._tx.fetchrow(
            QUERIES["release_hold"],
            tenant_id=tenant_id,
            mission_id=mission_id,
            released_by=released_by,
        )
        return None if row is None else mission_of(row)


def _past(rows: Sequence[Record]) -> Past:
    missions = tuple(
        Earlier(
            captured_at=row["captured_at"],
            playbook=row["playbook"],
            version=row["playbook_version"],
            outcome=row["outcome"],
            released=row["released_at"] is not None,
            reopened=row["reopened_at"] is not None,
            by_look=row["source"] == LOOK,
        )
        for row in rows
    )
    return Past(missions, rows[0]["target_ended_at"])


def _held(row: Record) -> Held:
    return Held(
        mission=mission_of(row),
        cause=row["hold"],
        held_at=row["held_at"],
        until=row["held_until"],
        playbook=row["playbook"],
    )
