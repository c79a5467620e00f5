"""Looks into the database as its administrator, through restarts of Postgres as well."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
from load.apart import Grounds

from grace.kit.database import TRANSIENT, lost_connections

_AGAIN_SECONDS = 0.1
_HELD = """
    SELECT id, attempt_number FROM htm.htm_tasks
     WHERE status IN ('assigned', 'running') ORDER BY id LIMIT $1
"""
_ENDED_ATTEMPTS = """
    SELECT a.task_id, a.attempt_number, a.worker_id
      FROM htm.htm_task_attempts a JOIN htm.htm_tasks t ON t.id = a.task_id
     WHERE a.outcome = 'lapsed'
     ORDER BY t.finished_at DESC NULLS FIRST, a.finished_at DESC LIMIT $1
"""
_IN_HAND = """
    SELECT t.id, t.attempt_number
      FROM htm.htm_tasks t
      JOIN htm.htm_task_attempts a ON a.task_id = t.id AND a.attempt_number = t.attempt_number
     WHERE t.status IN ('assigned', 'running') AND starts_with(a.worker_id, $1)
       AND NOT EXISTS (
               SELECT FROM torture.reports r
                WHERE r.task_id = t.id AND r.attempt_number = t.attempt_number
                  AND r.status <> 'started'
           )
"""
_TAKEN_OVER = """
    SELECT a.task_id, a.attempt_number, a.worker_id
      FROM htm.htm_task_attempts a JOIN htm.htm_tasks t ON t.id = a.task_id
     WHERE a.outcome = 'lapsed' AND starts_with(a.worker_id, $1)
       AND t.status IN ('assigned', 'running') AND t.attempt_number > a.attempt_number
"""
_REPORTS = """
    SELECT task_id, attempt_number, worker_id, status
      FROM torture.reports ORDER BY md5(id::text || $1) LIMIT $2
"""
_OPEN = """
    SELECT count(*) FROM htm.htm_tasks
     WHERE status IN ('waiting', 'scheduled', 'queued', 'assigned', 'running', 'retrying',
                      'needs_attention', 'joining')
"""
_UNSENT = "SELECT count(*) FROM htm.outbox WHERE sent_at IS NULL"
_QUARANTINED = """
    SELECT headers->>'Nats-Msg-Id' AS message_id FROM htm.quarantine
     WHERE headers->>'Nats-Msg-Id' = ANY($1)
"""
_FINAL = "SELECT id FROM htm.htm_tasks WHERE finished_at IS NOT NULL"
_END_BACKENDS = """
    SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
     WHERE datname = current_database() AND usename IN ('htm', 'worker') AND pid % 3 = $1
"""


class Oracle:
    """One connection, made again whenever it is lost; one question at a time."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._admin: Any = None
        self._asking = asyncio.Lock()

    async def close(self) -> None:
        """Give the connection back."""
        if self._admin is not None and not self._admin.is_closed():
            await self._admin.close()

    async def rows(self, query: str, *values: object) -> list[asyncpg.Record]:
        """Ask until Postgres answers."""
        async with self._asking:
            while True:
                try:
                    with lost_connections():
                        return await self._ask(query, *values)
                except TRANSIENT:
                    await asyncio.sleep(_AGAIN_SECONDS)

    async def script(self, text: str) -> None:
        """Run statements that answer nothing, while nothing is broken."""
        await self.rows("SELECT 1")
        await self._admin.execute(text)

    async def _ask(self, query: str, *values: object) -> list[asyncpg.Record]:
        if self._admin is None or self._admin.is_closed():
            self._admin = await self._grounds.installation.admin(self._grounds.database)
        found: list[asyncpg.Record] = await self._admin.fetch(query, *values)
        return found

    async def snapshot(self, *queries: str) -> list[list[dict[str, Any]]]:
        """The answers to several questions as of one instant, whatever still moves."""
        await self.rows("SELECT 1")
        async with self._asking, self._admin.transaction(isolation="repeatable_read"):
            return [list(map(dict, await self._admin.fetch(query))) for query in queries]

    async def _value(self, query: str, *values: object) -> int:
        return int((await self.rows(query, *values))[0][0])

    async def held(self, most: int) -> list[asyncpg.Record]:
        """Tasks that are in a worker's hands."""
        return await self.rows(_HELD, most)

    async def ended_attempts(self, most: int) -> list[asyncpg.Record]:
        """Attempts that lapsed, of tasks that are still open first."""
        return await self.rows(_ENDED_ATTEMPTS, most)

    async def in_hand(self, name: str) -> list[asyncpg.Record]:
        """What a worker holds and has said nothing of the end of."""
        return await self.rows(_IN_HAND, f"{name}-")

    async def taken_over(self, name: str) -> list[asyncpg.Record]:
        """Attempts of a worker that lapsed, of tasks that are in another's hands now."""
        return await self.rows(_TAKEN_OVER, f"{name}-")

    async def reports(self, number: int, most: int) -> list[asyncpg.Record]:
        """Some of the reports that workers made."""
        return await self.rows(_REPORTS, str(number), most)

    async def open_tasks(self) -> int:
        """How many tasks have not ended."""
        return await self._value(_OPEN)

    async def unsent(self) -> int:
        """How many rows of htm's outbox no stream has."""
        return await self._value(_UNSENT)

    async def final_tasks(self) -> set[UUID]:
        """The tasks that have ended."""
        return {row["id"] for row in await self.rows(_FINAL)}

    async def quarantined(self, message_ids: set[str]) -> set[str]:
        """Which of these messages lie in htm's quarantine."""
        return {row["message_id"] for row in await self.rows(_QUARANTINED, list(message_ids))}

    async def end_backends(self, third: int) -> int:
        """Terminate about a third of htm's and the workers' sessions; returns how many."""
        return await self._value(_END_BACKENDS, third)
