"""Samples what each origin holds against the table of limits, where htm has one."""

from __future__ import annotations

import asyncio

from torture.evidence import Held
from torture.oracle import Oracle

_EVERY_SECONDS = 0.1
_TABLE = "SELECT to_regclass('htm.htm_quotas') IS NOT NULL"
# One statement sees one instant.
_OVER = """
    SELECT t.origin, count(*) AS held, q.held_most AS most
      FROM htm.htm_tasks t JOIN htm.htm_quotas q USING (origin)
     WHERE t.status IN ('assigned', 'running')
     GROUP BY t.origin, q.held_most
    HAVING count(*) > q.held_most
"""


class Sampler:
    """Looks all the time; what it finds is None while there is no table to hold anything against."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.found: list[Held] | None = None

    async def run(self) -> None:
        """Until cancelled."""
        if not (await self._oracle.rows(_TABLE))[0][0]:
            return
        self.found = []
        while True:
            rows = await self._oracle.rows(_OVER)
            self.found += [Held(row["origin"], row["held"], row["most"]) for row in rows]
            await asyncio.sleep(_EVERY_SECONDS)
