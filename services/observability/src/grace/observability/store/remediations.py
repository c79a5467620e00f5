"""Remediations of failed runs."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from grace.kit import Record, Transaction
from grace.observability.domain.remediation import REOPENED, Outcome, Remediation, State
from grace.observability.domain.run import Ending
from grace.observability.store.statements import QUERIES


class Remediations:
    """Remediations, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        """Speak through the transaction; the kit ends it."""
        self._tx = tx

    async def add(self, failed: Sequence[tuple[str, Ending]]) -> int:
        """Owe failed runs a remediation under these ids, once each; tell how many are new."""
        return await self._tx.execute(
            QUERIES["add_remediations"],
            ids=[remediation_id for remediation_id, _ in failed],
            tenants=[each.subject.key.tenant for _, each in failed],
            run_ids=[each.subject.key.run_id for _, each in failed],
            suites=[each.subject.suite for _, each in failed],
            kinds=[each.failure_kind for _, each in failed],
            targets=[each.subject.target for _, each in failed],
            failed_at=[each.ended_at for _, each in failed],
        )

    async def claim(self, status: State, *, most: int) -> list[Remediation]:
        """Take some in hand; those looked at longest ago come first."""
        rows = await self._tx.fetch(QUERIES["claim_remediations"], status=status, most=most)
        return _remediations(rows)

    async def submit(self, chosen: Iterable[Remediation]) -> list[Remediation]:
        """Open these; return those that were due."""
        ids = [each.remediation_id for each in chosen]
        return _remediations(await self._tx.fetch(QUERIES["submit_remediations"], ids=ids))

    async def skip(self, skipped: Sequence[tuple[Remediation, str]]) -> None:
        """Close these, each for its reason."""
        await self._tx.execute(
            QUERIES["skip_remediations"],
            ids=[each.remediation_id for each, _ in skipped],
            reasons=[reason for _, reason in skipped],
        )

    async def assign(self, missions: Sequence[tuple[Remediation, str]]) -> None:
        """Note which mission each of these has."""
        await self._tx.execute(
            QUERIES["assign_missions"],
            ids=[each.remediation_id for each, _ in missions],
            missions=[mission_id for _, mission_id in missions],
        )

    async def close(self, ended: Sequence[tuple[Remediation, Outcome]]) -> Counter[str]:
        """Close these; count by status those that were open."""
        rows = await self._tx.fetch(
            QUERIES["close_remediations"],
            ids=[each.remediation_id for each, _ in ended],
            statuses=[outcome.status for _, outcome in ended],
            outcomes=[outcome.outcome for _, outcome in ended],
            reasons=[outcome.reason and outcome.reason[:500] for _, outcome in ended],
        )
        return Counter(row["status"] for row in rows)

    async def reopen(self, reasons: Mapping[str, str]) -> Counter[str]:
        """Take back what these missions remedied, each for its reason; count what was one."""
        rows = await self._tx.fetch(
            QUERIES["reopen_remediations"],
            missions=list(reasons),
            outcome=REOPENED,
            reasons=[reason[:500] for reason in reasons.values()],
        )
        return Counter(row["status"] for row in rows)

    async def of_missions(self, missions: Iterable[str]) -> list[Remediation]:
        """Return the open remediations of these missions."""
        rows = await self._tx.fetch(
            QUERIES["remediations_of_missions"], missions=sorted(set(missions))
        )
        return _remediations(rows)

    async def counts(self, tenant: str) -> Counter[str]:
        """Count a tenant's remediations by status."""
        rows = await self._tx.fetch(QUERIES["count_remediations"], tenant=tenant)
        return Counter({row["status"]: row["remediations"] for row in rows})

    async def newest(self, tenant: str, *, most: int) -> list[Remediation]:
        """Return a tenant's newest remediations."""
        rows = await self._tx.fetch(QUERIES["list_remediations"], tenant=tenant, most=most)
        return _remediations(rows)


def _remediations(rows: Iterable[Record]) -> list[Remediation]:
    return [_remediation(row) for row in rows]


def _remediation(row: Record) -> Remediation:
    return Remediation(
        remediation_id=row["remediation_id"],
        tenant=row["tenant_id"],
        run_id=row["run_id"],
        suite=row["suite"],
        kind=row["kind"],
        target=row["target"],
        status=State(row["status"]),
        due_at=row["due_at"],
        failed_at=row["failed_at"],
        submitted_at=row["submitted_at"],
        closed_at=row["closed_at"],
        mission_id=row["mission_id"],
        outcome=row["outcome"],
        reason=row["reason"],
    )
