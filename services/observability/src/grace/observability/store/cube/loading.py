"""Facts on their way into the cube."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from grace.kit import Record, Transaction
from grace.observability.domain.cube import UNKNOWN
from grace.observability.store.cube.statements import QUERIES


@dataclass(frozen=True, slots=True)
class MissionFact:
    """What a mission is about, and who reported it."""

    tenant: str
    mission_id: str
    service: str
    origin: str
    captured_at: datetime


@dataclass(frozen=True, slots=True)
class PlanFact:
    """What a mission is about to do: its playbook, the first operation of its plan, and how many it has."""

    tenant: str
    mission_id: str
    playbook: str
    operation: str
    actions: int
    planned_at: datetime


@dataclass(frozen=True, slots=True)
class ActionFact:
    """A closed contract."""

    tenant: str
    contract_id: str
    revision: int
    mission_id: str
    service: str
    playbook: str
    operation: str
    verdict: str
    executed: bool
    confidence: float
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class ApprovalFact:
    """An approval that was asked for, or decided: `decided_at` says which."""

    tenant: str
    approval_id: str
    mission_id: str
    outcome: str
    tier: int | None = None
    requested_at: datetime | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TaskFact:
    """An ended task. `total_ms`: from due to its end, where that was told."""

    tenant: str
    operation: str
    origin: str
    outcome: str
    attempts: int
    total_ms: int | None
    ended_at: datetime


class Loading:
    """Writes facts, inside one transaction. Each method returns how many rows it wrote."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def take_turn(self) -> None:
        """Wait until no other load goes on: it may be about what this one changes."""
        await self._tx.execute(QUERIES["follow_loads"])

    async def missions(self, found: Sequence[MissionFact]) -> int:
        """Keep what missions are about; the first word counts."""
        services, origins = [each.service for each in found], [each.origin for each in found]
        await self._know(services=services, origins=origins)
        return await self._count(
            QUERIES["load_missions"],
            tenants=[each.tenant for each in found],
            missions=[each.mission_id for each in found],
            services=services,
            origins=origins,
            captured_at=[each.captured_at for each in found],
        )

    async def plans(self, found: Sequence[PlanFact]) -> int:
        """Keep what missions are about to do; the newest plan counts."""
        playbooks = [each.playbook for each in found]
        operations = [each.operation for each in found]
        await self._know(playbooks=playbooks, operations=operations)
        return await self._count(
            QUERIES["load_plans"],
            tenants=[each.tenant for each in found],
            missions=[each.mission_id for each in found],
            playbooks=playbooks,
            operations=operations,
            actions=[each.actions for each in found],
            planned_at=[each.planned_at for each in found],
        )

    async def actions(self, found: Sequence[ActionFact]) -> int:
        """Keep closed contracts; a higher revision takes the place of a lower one."""
        named = {
            "services": [each.service for each in found],
            "playbooks": [each.playbook for each in found],
            "operations": [each.operation for each in found],
        }
        await self._know(**named, times=[each.closed_at for each in found])
        return await self._count(
            QUERIES["load_actions"],
            tenants=[each.tenant for each in found],
            contracts=[each.contract_id for each in found],
            revisions=[each.revision for each in found],
            missions=[each.mission_id for each in found],
            verdicts=[each.verdict for each in found],
            executed=[each.executed for each in found],
            confidences=[each.confidence for each in found],
            closed_at=[each.closed_at for each in found],
            **named,
        )

    async def approvals(self, found: Sequence[ApprovalFact]) -> int:
        """Keep what was asked for or decided; the first decision stands."""
        moments = [each.decided_at or each.requested_at for each in found]
        await self._know(times=[each for each in moments if each is not None])
        return await self._count(
            QUERIES["load_approvals"],
            tenants=[each.tenant for each in found],
            approvals=[each.approval_id for each in found],
            missions=[each.mission_id for each in found],
            tiers=[each.tier for each in found],
            outcomes=[each.outcome for each in found],
            requested_at=[each.requested_at for each in found],
            decided_at=[each.decided_at for each in found],
        )

    async def tasks(self, found: Sequence[TaskFact]) -> int:
        """Add ended tasks to those of their hours: each may be given once only."""
        operations, origins = [each.operation for each in found], [each.origin for each in found]
        times = [each.ended_at for each in found]
        await self._know(operations=operations, origins=origins, times=times)
        return await self._count(
            QUERIES["load_tasks"],
            tenants=[each.tenant for each in found],
            ended_at=times,
            operations=operations,
            origins=origins,
            outcomes=[each.outcome for each in found],
            attempts=[each.attempts for each in found],
            total_ms=[each.total_ms for each in found],
        )

    async def log(
        self, step: str, *, read: int, written: int, times: Iterable[datetime] = ()
    ) -> None:
        """Write down what this transaction loads; `times` are those of the events."""
        moments = sorted(times)
        await self._tx.execute(
            QUERIES["log_run"],
            step=step,
            read=read,
            written=written,
            oldest_at=moments[0] if moments else None,
            newest_at=moments[-1] if moments else None,
        )

    async def take_due(self, most: int) -> list[Record]:
        """Lock hours whose facts have changed since they were counted."""
        return await self._tx.fetch(QUERIES["take_due"], most=most)

    async def recount(self, due: Sequence[Record]) -> int:
        """Count these hours anew, and settle them."""
        keys: dict[str, Any] = {
            "facts": [row["fact"] for row in due],
            "tenants": [row["tenant_id"] for row in due],
            "hours": [row["hour"] for row in due],
        }
        await self._tx.execute(QUERIES["forget_hours"], **keys)
        written = await self._tx.execute(QUERIES["count_hours"], **keys)
        await self._tx.execute(QUERIES["settle_hours"], **keys)
        return written

    async def prune(self, before: datetime, *, most: int) -> int:
        """Drop at most so many rows of each table from before that hour; tell how many of one."""
        return await self._count(QUERIES["prune_cube"], before=before, most=most)

    async def _know(
        self,
        *,
        services: Iterable[str] = (),
        playbooks: Iterable[str] = (),
        operations: Iterable[str] = (),
        origins: Iterable[str] = (),
        times: Iterable[datetime] = (),
    ) -> None:
        await self._tx.execute(
            QUERIES["know_names"],
            services=sorted({*services} - {UNKNOWN}),
            playbooks=sorted({*playbooks} - {UNKNOWN}),
            operations=sorted({*operations} - {UNKNOWN}),
            origins=sorted({*origins} - {UNKNOWN}),
            times=sorted({*times}),
        )

    async def _count(self, query: Any, **given: object) -> int:  # noqa: ANN401 - a statement of the kit
        rows = await self._tx.fetch(query, **given)
        written: int = rows[0]["count"]
        return written
