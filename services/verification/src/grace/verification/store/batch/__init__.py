"""The steps of many contracts, each in one statement: whoever has moved on is not in the answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from grace.kit import Queries, Query, Transaction
from grace.verification.domain.lifecycle import Status
from grace.verification.domain.state import State
from grace.verification.store.cases import Case, Ended, Ending
from grace.verification.store.snapshots import Sealed

QUERIES = Queries.beside(__file__)


@dataclass(frozen=True, slots=True)
class Submitted:
    """A contract whose task is htm's."""

    case: Case
    status: Status
    task_id: str
    pause: timedelta


@dataclass(frozen=True, slots=True)
class Acted:
    """A contract whose action is done. `task_id`: its measurement is htm's already."""

    case: Case
    task_spec: bytes
    task_id: str | None
    pause: timedelta
    execution: State
    snapshot: Sealed


class Batch:
    """Many contracts, inside one transaction. Each change is guarded by the version that was read."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def hold(self, wanted: Sequence[tuple[Case, bytes]], *, claim_for: timedelta) -> set[str]:
        """They hold their targets and want to act; this process goes on with them."""
        return await self._move(
            QUERIES["hold_contracts"],
            [case for case, _ in wanted],
            status=Status.HOLDING,
            task_specs=[task_spec for _, task_spec in wanted],
            claim_for=claim_for,
        )

    async def submit(self, taken: Sequence[Submitted]) -> set[str]:
        """Their tasks are htm's."""
        return await self._move(
            QUERIES["submit_contracts"],
            [each.case for each in taken],
            statuses=[each.status for each in taken],
            task_ids=[each.task_id for each in taken],
            pauses=[each.pause for each in taken],
        )

    async def measure(self, acted: Sequence[Acted]) -> set[str]:
        """Their before-states are stored, and their measurements wanted."""
        return await self._move(
            QUERIES["measure_contracts"],
            [each.case for each in acted],
            status=Status.MEASURING,
            task_specs=[each.task_spec for each in acted],
            task_ids=[each.task_id for each in acted],
            pauses=[each.pause for each in acted],
            executions=[json.dumps(each.execution) for each in acted],
            snapshot_ids=[each.snapshot.snapshot_id for each in acted],
            content_hashes=[each.snapshot.content_hash for each in acted],
            states=[each.snapshot.before for each in acted],
            after_states=[each.snapshot.after for each in acted],
        )

    async def rest(self, resting: Sequence[tuple[Case, timedelta]]) -> None:
        """Look at each after its pause, unless something has happened meanwhile."""
        await self._tx.execute(
            QUERIES["rest_contracts"],
            contract_ids=[case.contract_id for case, _ in resting],
            versions=[case.version for case, _ in resting],
            pauses=[pause for _, pause in resting],
        )

    async def close(self, endings: Sequence[tuple[Case, Ending]]) -> dict[str, Ended]:
        """They end; returns what then stands in those that did."""
        ends = [ending for _, ending in endings]
        rows = await self._tx.fetch(
            QUERIES["close_contracts"],
            contract_ids=[case.contract_id for case, _ in endings],
            versions=[case.version for case, _ in endings],
            statuses=[end.status for end in ends],
            reasons=[end.reason for end in ends],
            executed=[end.executed for end in ends],
            confidences=[end.confidence for end in ends],
            actual_states=[end.actual_state for end in ends],
            restored_states=[end.restored_state for end in ends],
        )
        return {
            row["contract_id"]: Ended(row["confidence"], row["executed"], row["closed_at"])
            for row in rows
        }

    async def _move(self, query: Query, cases: Sequence[Case], **values: object) -> set[str]:
        rows = await self._tx.fetch(
            query,
            contract_ids=[case.contract_id for case in cases],
            versions=[case.version for case in cases],
            **values,
        )
        return {row["contract_id"] for row in rows}
