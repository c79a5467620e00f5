"""Pools that outlive the services of a test: a new connection costs Postgres a process that knows no table yet.

Between a twelfth and a quarter of the processor time of tests on servers went into those.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from grace.kit.database import Pools

if TYPE_CHECKING:
    from grace.kit import ServiceSettings
    from grace.kit.database import Pool

_CLOSE_SECONDS = 2.0

_Way: TypeAlias = tuple[object, ...]


class KeptPools(Pools):
    """Keeps what a stopped service leaves for the next one that connects in the same way.

    Its connections belong to the event loop that runs, and those that nothing has used for a minute go.
    """

    def __init__(self) -> None:
        self._ways: dict[Pool, _Way] = {}
        self._free: dict[_Way, list[Pool]] = {}
        # While a pool is kept it connects to nothing, so that its sessions are noted when it comes back.
        self._sessions: dict[Pool, list[int]] = {}

    async def make(self, service: str, settings: ServiceSettings) -> Pool:
        """One that is kept, or a new one."""
        way = _way(service, settings)
        if free := self._free.get(way):
            pool = free.pop()
            del self._sessions[pool]
            return pool
        pool = await super().make(service, settings)
        self._ways[pool] = way
        return pool

    async def close(self, pool: Pool, *, within: float) -> None:
        """Keep it, unless a connection is still lent: who has that one may do anything with it."""
        if pool.is_closing() or pool.get_idle_size() < pool.get_size():
            del self._ways[pool]
            await super().close(pool, within=within)
        else:
            self._sessions[pool] = await _pids(pool)
            self._free.setdefault(self._ways[pool], []).append(pool)

    def sessions(self) -> Collection[int]:
        """The process ids, in Postgres, of all connections that are kept."""
        return [pid for pids in self._sessions.values() for pid in pids]

    async def close_all(self) -> None:
        """Close what is kept, and what a test has left open."""
        self._free.clear()
        self._sessions.clear()
        while self._ways:
            pool, _ = self._ways.popitem()
            await super().close(pool, within=_CLOSE_SECONDS)


@asynccontextmanager
async def kept_pools() -> AsyncIterator[KeptPools]:
    """For as long as an event loop runs tests."""
    pools = KeptPools()
    try:
        yield pools
    finally:
        await pools.close_all()


def _way(service: str, settings: ServiceSettings) -> _Way:
    """All that a connection depends on."""
    return (
        service, settings.pool_size, settings.postgres_host, settings.postgres_port, settings.postgres_database,
        settings.postgres_user, settings.postgres_password_file, settings.postgres_sslmode,
    )  # fmt: skip


async def _pids(pool: Pool) -> list[int]:
    lent = [await pool.acquire() for _ in range(pool.get_idle_size())]
    try:
        return [connection.get_server_pid() for connection in lent]
    finally:
        for connection in lent:
            await pool.release(connection)
