"""Pages of approvals that stand in one way, among many that stand otherwise."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from grace.governance.domain.lifecycle import State
from grace.governance.store.approvals import Which, page_of
from grace.kit.database import SESSION
from grace.testkit import House

MANY = 2_000
FEW = 3
_FILL = """
INSERT INTO approval_requests (approval_id, tenant_id, mission_id, plan_hash, shown_hash, playbook, requested_by,
                               correlation_id, tier, quorum, status, requested_at, expires_at, decided_at, decided_by,
                               reason, granted, event_id)
SELECT 'approval-' || lpad(n::text, 6, '0'), 'default', 'mission-' || n, 'p', 's', 'mend-it', 'ada', 'c', 2, 1,
       CASE WHEN n > $2 THEN 'rejected' ELSE 'pending' END, now(), now() + interval '1 hour',
       CASE WHEN n > $2 THEN now() END, '{}', NULL, NULL, gen_random_uuid()
  FROM generate_series(1, $1::integer) AS n
"""


def asked(which: Which, **changes: object) -> tuple[str, list[object]]:
    query = page_of(which)
    values = {
        "tenant_id": "default", "status": which.status, "mission_id": which.mission_id,
        "tier": which.tier, "requested_by": which.requested_by, "before": None, "limit": 9,
    } | changes  # fmt: skip
    return query.text, query.arguments(values)


def removed(plan: dict[str, Any]) -> int:
    here = sum(int(each) for name, each in plan.items() if name.startswith("Rows Removed by"))
    return here + sum(map(removed, plan.get("Plans", ())))


class Pages:
    """Asks for pages as the service does, and for what Postgres reads for them."""

    def __init__(self, role: asyncpg.Connection[asyncpg.Record]) -> None:
        self._role = role

    async def page(self, which: Which, **changes: object) -> list[int]:
        text, values = asked(which, **changes)
        return [int(row["approval_id"][9:]) for row in await self._role.fetch(text, *values)]

    async def passed_over(self, which: Which) -> int:
        """How many rows were read and left aside."""
        text, values = asked(which)
        plan = await self._role.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {text}", *values)
        return removed(json.loads(plan)[0]["Plan"])


async def test_what_waits_is_found_among_many_that_were_decided(house: House) -> None:
    async with house.running("governance"):
        role = await house.role("governance")
        try:
            for name, value in SESSION.items():
                await role.execute(f"SET {name} = '{value}'")
            await role.execute(_FILL, MANY, FEW)
            pages = Pages(role)
            waits, of_mission = Which(State.PENDING), Which(mission_id="mission-2")
            assert await pages.page(waits) == [3, 2, 1]
            assert await pages.page(waits, before="approval-000003") == [2, 1]
            assert await pages.page(of_mission) == [2]
            assert await pages.page(Which(State.REJECTED, "mission-2")) == []
            assert await pages.page(Which(State.REJECTED), limit=1) == [MANY]
            assert await pages.page(Which(), limit=2) == [MANY, MANY - 1]
            assert await pages.page(Which(requested_by="bob")) == []
            for which in (waits, of_mission, Which(State.GRANTED)):
                assert await pages.passed_over(which) <= FEW, which
        finally:
            await role.close()
