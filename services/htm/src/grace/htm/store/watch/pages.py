"""Pages of tasks, and the facts behind one of them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from grace.contracts.htm import ListedTask
from grace.htm.domain.lanes import lane_of
from grace.htm.domain.lifecycle import HELD, State
from grace.htm.domain.limits import Limit
from grace.htm.domain.listing import PLENTY, Filters, Window
from grace.htm.domain.sla import Sla, Timing
from grace.htm.domain.why import Facts, Gates, Line
from grace.htm.store.watch.statements import QUERIES
from grace.kit import Record, Transaction

# What a reason counts, at most: beyond it the answer is "at least".
COUNTED = 10_000
# The last ended tasks, which tell how fast a queue moves, and how old they may be.
_SAMPLE = 1000
_RATE_WINDOW = timedelta(hours=1)


class Pages:
    """What others look at, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def ids(self, tenant_id: str, filters: Filters, window: Window) -> list[UUID]:
        """The ids that a page looks at, newest first."""
        bounds = {"before": window.before, "oldest": window.oldest, "most": window.most}
        status = filters.status
        if filters.mission_id is not None:
            rows = await self._tx.fetch(
                QUERIES["ids_of_mission"],
                tenant_id=tenant_id, mission_id=filters.mission_id, **bounds,
            )  # fmt: skip
        elif filters.contract_id is not None:
            rows = await self._tx.fetch(
                QUERIES["ids_of_contract"],
                tenant_id=tenant_id, contract_id=filters.contract_id, **bounds,
            )  # fmt: skip
        elif filters.parent_id is not None:
            rows = await self._tx.fetch(
                QUERIES["ids_of_parent"],
                tenant_id=tenant_id, parent_id=filters.parent_id, statuses=_statuses(filters),
                **bounds,
            )  # fmt: skip
        elif status in PLENTY:
            rows = await self._tx.fetch(QUERIES["newest_ids"], tenant_id=tenant_id, **bounds)
        else:
            query = QUERIES["ids_of_held"] if status in HELD else QUERIES["ids_of_few"]
            rows = await self._tx.fetch(query, tenant_id=tenant_id, status=status, **bounds)
        return [row["id"] for row in rows]

    async def tasks(self, ids: Sequence[UUID], filters: Filters, *, most: int) -> list[ListedTask]:
        """Those of the ids that the filters let through, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_tasks"],
            ids=list(ids),
            statuses=_statuses(filters),
            kernel=filters.kernel,
            origin=filters.origin,
            type=filters.type,
            contract_id=filters.contract_id,
            parent_id=filters.parent_id,
            since=filters.since,
            until=filters.until,
            most=most,
        )
        return [ListedTask(**row) for row in rows]

    async def facts(self, tenant_id: str, task_id: UUID, *, history: timedelta) -> Facts | None:
        """A task with what it waits for; None where the tenant has no such task."""
        row = await self._tx.fetchrow(
            QUERIES["explain_task"],
            tenant_id=tenant_id, task_id=task_id, history=history,
            most=COUNTED, sample=_SAMPLE, rate_window=_RATE_WINDOW,
        )  # fmt: skip
        return _facts(row) if row is not None else None


def _statuses(filters: Filters) -> list[str]:
    return [filters.status] if filters.status is not None else list(State)


def _facts(row: Record) -> Facts:
    worker = f"{row['worker_component']}/{row['worker_id']}" if row["worker_id"] else None
    return Facts(
        task_id=row["id"],
        state=State(row["status"]),
        kernel=row["kernel"],
        origin=row["origin"],
        attempt_number=row["attempt_number"],
        max_attempts=row["max_attempts"],
        timing=Timing(row["now"], row["sla_deadline_at"], row["usual"], row["finished_at"]),
        sla=Sla(row["sla_state"]),
        line=_line(row),
        timeout=timedelta(milliseconds=row["timeout_ms"] or 0),
        worker=worker,
        lease_until=row["lease_until"],
        not_before=row["not_before"],
        started_at=row["started_at"],
        error_class=row["error_class"],
        error_message=row["error_message"],
        same_target=tuple(row["same_target"]),
        gates=_gates(row),
        cancelled_by=row["cancel_requested_by"],
        cancel_reason=row["cancel_reason"],
        ends_as=State(row["ends_as"]) if row["ends_as"] else None,
        lane=lane_of(row["lane"]),
        contract_id=row["contract_id"],
        deadline_at=row["deadline_at"],
        expires_at=row["expires_at"],
    )


def _gates(row: Record) -> Gates:
    return Gates(
        paused_by=row["paused_by"],
        capacity=row["capacity"],
        held=row["all_held"],
        limit_key=row["limit_key"],
        limit=_limit(row),
        limit_held=row["limit_held"],
    )


def _limit(row: Record) -> Limit | None:
    if row["refilled_at"] is None:
        return None
    return Limit(
        concurrency=row["concurrency"],
        rate_per_second=row["rate_per_second"],
        burst=row["burst"],
        tokens=row["tokens"],
        refilled_at=row["refilled_at"],
        read_at=row["now"],
    )


def _line(row: Record) -> Line:
    return Line(
        ahead=row["ahead"],
        ahead_is_exact=row["ahead"] < COUNTED,
        kernel_held=row["kernel_held"],
        kernel_asked_at=row["kernel_asked_at"],
        recent_ends=row["recent_ends"],
        recent_since=row["recent_since"],
        lane_held=row["lane_held"],
    )
