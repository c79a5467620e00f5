"""Sets limits that work runs into, and samples what is held against them all the time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from torture.oracle import Oracle

LIMITED_KEY = "torture-key"
WALLED, LENDING = "intent", "observability"
_OPEN = "whoever has no wall"
_EVERY_SECONDS = 0.05

_SET = """
UPDATE htm.htm_capacity SET capacity = {capacity};

DELETE FROM htm.htm_quotas;

INSERT INTO htm.htm_quotas (origin, share_percent, weight, lends)
VALUES ('{walled}', 20, 1, false), ('{lending}', 25, 1, true);

INSERT INTO htm.htm_limits (tenant_id, key, concurrency, tokens, refilled_at, updated_at)
VALUES ('default', '{key}', {concurrency}, 0, now(), now());
"""
# One statement sees one instant.
_LOOK = f"""
WITH held AS (
    SELECT origin, lane FROM htm.htm_tasks WHERE status IN ('assigned', 'running')
), walls AS (
    SELECT origin, capacity * share_percent / 100 AS part
      FROM htm.htm_quotas, htm.htm_capacity WHERE NOT lends
)
SELECT 'everybody' AS who, (SELECT count(*) FROM held) AS held, capacity AS most
  FROM htm.htm_capacity
 UNION ALL
SELECT origin, (SELECT count(*) FROM held WHERE held.origin = walls.origin), part FROM walls
 UNION ALL
SELECT '{_OPEN}',
       (SELECT count(*) FROM held WHERE origin NOT IN (SELECT origin FROM walls)),
       capacity - (SELECT sum(part) FROM walls)
  FROM htm.htm_capacity
 UNION ALL
SELECT key, (SELECT count(*) FROM held WHERE lane LIKE '%|' || key || '|%'), concurrency
  FROM htm.htm_limits
"""


@dataclass(frozen=True, slots=True)
class Over:
    """At some instant somebody held more than allowed."""

    who: str
    held: int
    most: int


@dataclass(slots=True)
class Samples:
    """What was seen: how often one looked, a limit was reached, a limit was passed."""

    looks: int = 0
    full: int = 0
    over: list[Over] | None = None

    def add(self, rows: list[Any]) -> None:
        """One instant."""
        found = [Over(row["who"], int(row["held"]), int(row["most"])) for row in rows]
        self.looks += 1
        self.full += any(each.held == each.most for each in found)
        self.over = [*(self.over or []), *(each for each in found if each.held > each.most)]


async def set_limits(oracle: Oracle, capacity: int) -> None:
    """A capacity, an origin behind a wall, one that lends, and a key with a limit of its own."""
    await oracle.script(
        _SET.format(
            capacity=capacity,
            walled=WALLED,
            lending=LENDING,
            key=LIMITED_KEY,
            concurrency=max(2, capacity // 8),
        )
    )


async def sample(oracle: Oracle, samples: Samples) -> None:
    """Look until cancelled."""
    while True:
        samples.add(await oracle.rows(_LOOK))
        await asyncio.sleep(_EVERY_SECONDS)
