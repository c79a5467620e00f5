"""What others may see of missions, in the form in which they are told."""

import json
from collections.abc import Sequence
from typing import Any

from grace.contracts.verification import (
    Baseline,
    BaselineValue,
    ContractView,
    FieldConflict,
    Mission,
    TimelineEntry,
)
from grace.kit import Record, Transaction
from grace.verification.store.benchmarks import values_of
from grace.verification.store.pages import page_of
from grace.verification.store.statements import QUERIES

# A mission of which only a decision has arrived: its error is on the way.
_NOT_YET = "unknown"


class Views:
    """Reads, of one tenant each."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def missions(
        self, tenant_id: str, *, before: str | None, status: str | None, most: int
    ) -> list[Mission]:
        """Return a page of missions, newest first, without their contracts."""
        rows = await self._tx.fetch(
            page_of(status), tenant_id=tenant_id, before=before, status=status, most=most
        )
        return [_mission(row, ()) for row in rows]

    async def mission(self, tenant_id: str, mission_id: str) -> Mission | None:
        """Return one mission with its contracts, or None."""
        row = await self._tx.fetchrow(
            QUERIES["mission"], tenant_id=tenant_id, mission_id=mission_id
        )
        if row is None:
            return None
        if row["plan_hash"] is None:  # contracts are drafted of a plan
            return _mission(row, ())
        rows = await self._tx.fetch(QUERIES["contract_views"], mission_id=mission_id)
        return _mission(row, [_contract(each) for each in rows])

    async def timeline(self, tenant_id: str, mission_id: str, *, most: int) -> list[TimelineEntry]:
        """Return the story of a mission."""
        rows = await self._tx.fetch(
            QUERIES["timeline"], tenant_id=tenant_id, mission_id=mission_id, most=most
        )
        return [_entry(row) for row in rows]

    async def baseline(self, tenant_id: str, baseline_id: str) -> Baseline | None:
        """Return one baseline, or None."""
        row = await self._tx.fetchrow(
            QUERIES["baseline"], tenant_id=tenant_id, benchmark_id=baseline_id
        )
        return _baseline(row) if row else None


def _mission(row: Record, contracts: Sequence[ContractView]) -> Mission:
    return Mission(
        mission_id=row["mission_id"],
        tenant_id=row["tenant_id"],
        kind=row["kind"] or _NOT_YET,
        target=row["target"] or _NOT_YET,
        status=row["status"],
        confidence=row["confidence"],
        requested_by=row["requested_by"] or _NOT_YET,
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
        playbook=row["playbook_id"],
        plan_hash=row["plan_hash"],
        reason=row["reason"],
        contracts=tuple(contracts),
    )


def _contract(row: Record) -> ContractView:
    return ContractView(
        contract_id=row["contract_id"],
        action_id=row["action_id"],
        operation=row["operation"],
        target=row["target"],
        tier=row["tier"],
        status=row["status"],
        contract_hash=row["contract_hash"],
        confidence=row["confidence"],
        actual_state=_state(row["actual_state"]),
        expected_state=_state(row["expected_state"]),
        restored_state=_state(row["restored_state"]),
        reason=row["reason"],
        conflict=_conflict(row["conflict"]),
    )


def _conflict(text: str | None) -> tuple[FieldConflict, ...]:
    return tuple(FieldConflict(**each) for each in json.loads(text)) if text else ()


def _entry(row: Record) -> TimelineEntry:
    return TimelineEntry(
        event_id=str(row["event_id"]),
        at=row["at"],
        service=row["service"],
        subject=row["subject"],
        summary=row["summary"],
        contract_id=row["contract_id"],
    )


def _baseline(row: Record) -> Baseline:
    values = sorted(values_of(row).items())
    return Baseline(
        baseline_id=row["benchmark_id"],
        target=row["target"],
        operation=row["operation"],
        status=row["status"],
        values=tuple(BaselineValue(field=field, value=value) for field, value in values),
        measured_at=row["measured_at"],
        reason=row["reason"],
    )


def _state(text: str | None) -> dict[str, Any] | None:
    return json.loads(text) if text is not None else None
