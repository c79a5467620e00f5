"""Pages of missions that stand in one way, among many that stand otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from grace.kit.database import SESSION
from grace.verification.store.pages import page_of

if TYPE_CHECKING:
    import asyncpg

    from grace.testkit import House

MANY = 2_000
FIRST = ["acting", "planned", "needs_attention", "failed", "failed"]
_FILL = """
INSERT INTO missions (mission_id, status, correlation_id, opened_at, closed_at)
SELECT 'm-' || lpad(n::text, 6, '0'), coalesce(($2::text[])[n], 'verified'), 'c', now(),
       CASE WHEN n > 3 THEN now() END
  FROM generate_series(1, $1::integer) AS n
"""


class Pages:
    """Asks for pages as the service does, and for what Postgres reads for them."""

    def __init__(self, role: asyncpg.Connection[asyncpg.Record]) -> None:
        self._role = role

    async def page(self, status: str | None, **changes: object) -> list[str]:
        query, values = _asked(status, changes)
        rows = await self._role.fetch(query.text, *values)
        return [f"{int(row['mission_id'][2:])} {row['status']}" for row in rows]

    async def passed_over(self, status: str | None) -> int:
        """How many rows were read and left aside."""
        query, values = _asked(status, {})
        plan = await self._role.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {query.text}", *values)
        return _removed(json.loads(plan)[0]["Plan"])


def _asked(status: str | None, changes: dict[str, object]) -> tuple[Any, list[object]]:
    query = page_of(status)
    values = {"tenant_id": "default", "before": None, "status": status, "most": 9} | changes
    return query, query.arguments(values)


def _removed(plan: dict[str, Any]) -> int:
    here = sum(int(each) for name, each in plan.items() if name.startswith("Rows Removed by"))
    return here + sum(map(_removed, plan.get("Plans", ())))


async def test_few_are_found_among_many_that_stand_otherwise(house: House) -> None:
    async with house.running("verification"):
        role = await house.role("verification")
        try:
            for name, value in SESSION.items():
                await role.execute(f"SET {name} = '{value}'")
            await role.execute(_FILL, MANY, FIRST)
            pages = Pages(role)
            assert await pages.page("open") == ["2 planned", "1 acting"]
            assert await pages.page("needs_attention") == ["3 needs_attention"]
            assert await pages.page("failed") == ["5 failed", "4 failed"]
            assert await pages.page("failed", before="m-000005") == ["4 failed"]
            assert await pages.page("open", before="m-000002") == ["1 acting"]
            assert await pages.page("planned") == []
            assert await pages.page(None, most=1) == [f"{MANY} verified"]
            assert await pages.page("verified", most=1) == [f"{MANY} verified"]
            for status in ("open", "needs_attention", "failed", "blocked", "reopened"):
                assert await pages.passed_over(status) <= len(FIRST), status
        finally:
            await role.close()
