"""What the policies made of plans, with all that they knew of them."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from grace.governance.domain.facts import Facts
from grace.governance.domain.ruling import Judged, Outcome, Ruling
from grace.governance.domain.tiers import Tier
from grace.governance.store.rules.statements import QUERIES
from grace.kit import Record, Transaction


@dataclass(frozen=True, slots=True)
class Recorded:
    """A ruling as it is kept."""

    approval_id: str
    tenant_id: str
    mission_id: str
    ruled_at: datetime
    judged: Judged


class Rulings:
    """The rulings, inside somebody's transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def insert(self, recorded: Sequence[Recorded]) -> None:
        """Keep rulings for good."""
        rulings = [each.judged.ruling for each in recorded]
        await self._tx.execute(
            QUERIES["insert_rulings"],
            approval_id=[each.approval_id for each in recorded],
            tenant_id=[each.tenant_id for each in recorded],
            mission_id=[each.mission_id for each in recorded],
            ruled_at=[each.ruled_at for each in recorded],
            outcome=[ruling.outcome for ruling in rulings],
            tier=[ruling.tier for ruling in rulings],
            quorum=[ruling.quorum for ruling in rulings],
            because=[json.dumps(ruling.because) for ruling in rulings],
            rules=[json.dumps(ruling.rules) for ruling in rulings],
            rulebook_hash=[ruling.rulebook_hash for ruling in rulings],
            facts=[json.dumps([asdict(facts) for facts in each.judged.facts]) for each in recorded],
        )

    async def find(self, tenant_id: str, approval_id: str) -> Recorded | None:
        """Return one ruling of a tenant."""
        row = await self._tx.fetchrow(
            QUERIES["find_ruling"], tenant_id=tenant_id, approval_id=approval_id
        )
        return None if row is None else _recorded(row)

    async def of_mission(self, tenant_id: str, mission_id: str, *, limit: int) -> list[Recorded]:
        """Return the rulings on the plans of a mission, newest first."""
        rows = await self._tx.fetch(
            QUERIES["rulings_of_mission"], tenant_id=tenant_id, mission_id=mission_id, limit=limit
        )
        return [_recorded(row) for row in rows]

    async def page(
        self, tenant_id: str, *, outcome: Outcome | None, before: str | None, limit: int
    ) -> list[Recorded]:
        """Return a page of a tenant's rulings, newest first."""
        rows = await self._tx.fetch(
            QUERIES["list_rulings"],
            tenant_id=tenant_id,
            outcome=outcome,
            before=before,
            limit=limit,
        )
        return [_recorded(row) for row in rows]

    async def since(
        self, after_at: datetime, after_id: str, *, until: datetime, limit: int
    ) -> list[Recorded]:
        """Return rulings of all tenants in the order of their time, from behind a place on."""
        rows = await self._tx.fetch(
            QUERIES["rulings_since"],
            after_at=after_at,
            after_id=after_id,
            until=until,
            limit=limit,
        )
        return [_recorded(row) for row in rows]


def _recorded(row: Record) -> Recorded:
    return Recorded(
        approval_id=row["approval_id"],
        tenant_id=row["tenant_id"],
        mission_id=row["mission_id"],
        ruled_at=row["ruled_at"],
        judged=Judged(_ruling(row), tuple(Facts(**each) for each in json.loads(row["facts"]))),
    )


def _ruling(row: Record) -> Ruling:
    return Ruling(
        outcome=Outcome(row["outcome"]),
        tier=Tier(row["tier"]),
        quorum=row["quorum"],
        because=tuple(row["because"]),
        rules=tuple(row["rules"]),
        rulebook_hash=row["rulebook_hash"],
    )
