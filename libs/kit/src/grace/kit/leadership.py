"""Which replica of a service runs the duties that one alone should run."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg

from grace.kit.database import lost_connections

if TYPE_CHECKING:
    from grace.kit.database import Connection

_CLOSE_SECONDS = 2.0
# A leader that was cut off notices within this time.
_TRUST_SECONDS = 5.0


class Leadership:
    """Session advisory locks on one connection of their own; lost with the connection.

    Two leaders for a moment are harmless: every write is guarded by the row's state.
    """

    def __init__(self, service: str, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._service = service
        self._connect = connect
        self._connection: Connection | None = None
        self._held: set[str] = set()
        self._trusted_until = 0.0
        self._one_at_a_time = asyncio.Lock()

    async def holds(self, duty: str) -> bool:
        """Whether this replica leads; it takes the lead where nobody has it."""
        async with self._one_at_a_time:
            with lost_connections():
                connection = await self._ensure_connection()
                if duty not in self._held and await self._try(connection, duty):
                    self._held.add(duty)
            return duty in self._held

    async def _ensure_connection(self) -> Connection:
        """The locks live in the session: what was held over a lost one is not held any more."""
        connection = self._connection
        if connection is None or connection.is_closed():
            self._held.clear()
            connection = self._connection = await self._connect()
        elif time.monotonic() > self._trusted_until:
            await _probe(connection)
        else:
            return connection
        self._trusted_until = time.monotonic() + _TRUST_SECONDS
        return connection

    async def _try(self, connection: Connection, duty: str) -> bool:
        digest = hashlib.sha256(f"grace:{self._service}:{duty}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        got: bool = await connection.fetchval("SELECT pg_try_advisory_lock($1)", key)
        return got

    async def close(self) -> None:
        """Let another replica lead."""
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            await connection.close(timeout=_CLOSE_SECONDS)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            connection.terminate()


async def _probe(connection: Connection) -> None:
    """Find out that the other side is gone even where nothing tells of it."""
    try:
        await connection.execute("SELECT 1", timeout=_TRUST_SECONDS)
    except TimeoutError:
        connection.terminate()
        raise
