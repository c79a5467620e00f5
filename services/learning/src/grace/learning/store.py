"""Every statement of learning, as a typed function."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from grace.kit import Queries, Transaction
from grace.kit.sql import Record as Row
from grace.learning.domain.record import Known, Name, Outcome, Record

QUERIES = Queries.beside(__file__)
_MOST_RECORDS = 1_000  # what one answer may hold


class Store:
    """Learning's tables, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def lock_records(self, names: Iterable[Name]) -> dict[Name, Record]:
        """Return and lock the records of these playbooks; what has none begins at zero."""
        ordered = sorted(set(names))
        rows = await self._tx.fetch(
            QUERIES["lock_records"],
            tenants=[name.tenant for name in ordered],
            playbooks=[name.playbook for name in ordered],
        )
        return {record.name: record for record in map(_record, rows)}

    async def known_revisions(self, contract_ids: Iterable[str]) -> list[Known]:
        """Return every stored revision of these contracts."""
        rows = await self._tx.fetch(
            QUERIES["known_revisions"], contract_ids=sorted(set(contract_ids))
        )
        return [
            Known(row["contract_id"], row["revision"], _name(row), row["succeeded"]) for row in rows
        ]

    async def add_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Keep outcomes that are not stored yet."""
        await self._tx.execute(
            QUERIES["add_outcomes"],
            contract_ids=[one.contract_id for one in outcomes],
            revisions=[one.revision for one in outcomes],
            mission_ids=[one.mission_id for one in outcomes],
            tenants=[one.name.tenant for one in outcomes],
            playbooks=[one.name.playbook for one in outcomes],
            versions=[one.playbook_version for one in outcomes],
            operations=[one.operation for one in outcomes],
            targets=[one.target for one in outcomes],
            verdicts=[one.verdict for one in outcomes],
            confidences=[one.confidence for one in outcomes],
            executed=[one.executed for one in outcomes],
            succeeded=[one.succeeded for one in outcomes],
            closed_at=[one.closed_at for one in outcomes],
        )

    async def set_records(self, records: Sequence[Record]) -> None:
        """Write the counters of locked records."""
        await self._tx.execute(
            QUERIES["set_records"],
            tenants=[record.name.tenant for record in records],
            playbooks=[record.name.playbook for record in records],
            totals=[record.total for record in records],
            successes=[record.successful for record in records],
        )

    async def list_records(self, tenant: str) -> tuple[int, list[tuple[Record, datetime]]]:
        """Return how many outcomes the tenant has, and its records with the times of their last change."""
        rows = await self._tx.fetch(QUERIES["list_records"], tenant=tenant, most=_MOST_RECORDS)
        outcomes = rows[0]["outcomes"] if rows else 0
        return outcomes, [(_record(row), row["updated_at"]) for row in rows]


def _record(row: Row) -> Record:
    return Record(_name(row), row["total_executions"], row["successful_executions"])


def _name(row: Row) -> Name:
    return Name(row["tenant_id"], row["playbook"])
