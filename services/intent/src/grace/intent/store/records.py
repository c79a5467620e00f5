"""Recorded missions, to be decided about once more."""

from dataclasses import dataclass
from datetime import datetime

from grace.intent.domain.mission import Mission
from grace.intent.store.missions import mission_of
from grace.intent.store.statements import QUERIES
from grace.kit import Transaction
from grace.kit.sql import Record


@dataclass(frozen=True, slots=True)
class RecordedMission:
    """A mission with what was decided, how it ended, and the evidence of its first report."""

    mission: Mission
    playbook: str | None
    version: int | None
    content_hash: str | None
    planned: bool
    outcome: str | None
    details: str | None
    reopened_at: datetime | None


class Records:
    """The recorded missions, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def find(self, tenant_id: str, mission_id: str) -> RecordedMission | None:
        """Return one of a tenant's missions, or None."""
        row = await self._tx.fetchrow(
            QUERIES["find_record"], tenant_id=tenant_id, mission_id=mission_id
        )
        return None if row is None else _recorded(row)

    async def since(self, tenant_id: str, since: datetime, *, most: int) -> list[RecordedMission]:
        """Return a tenant's missions captured since then, newest first."""
        rows = await self._tx.fetch(
            QUERIES["records_since"], tenant_id=tenant_id, since=since, most=most
        )
        return [_recorded(row) for row in rows]


def _recorded(row: Record) -> RecordedMission:
    return RecordedMission(
        mission=mission_of(row),
        playbook=row["playbook"],
        version=row["playbook_version"],
        content_hash=row["content_hash"],
        planned=row["plan"] is not None,
        outcome=row["outcome"],
        details=row["details"],
        reopened_at=row["reopened_at"],
    )
