"""What Postgres alone can do as a queue: SKIP LOCKED in a loop, and nothing of what htm records.

Same server, same settings, two worker processes; the tasks go in as htm's do: a hundred in one
commit, or one by one with as many in flight.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import uvloop
from load.figures import BenchError
from load.peers.work import Executions

if TYPE_CHECKING:  # who works on raw Postgres loads nothing of Grace
    from load.apart import Apart

DATABASE = "bench_raw"
_DSN = "BENCH_DSN"
_CLAIM_MOST = 256
_IN_FLIGHT = 16
_POLL_SECONDS = 0.002
_WAIT_SECONDS = 20.0

TABLE = """
    DROP TABLE IF EXISTS tasks;
    CREATE TABLE tasks (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, payload jsonb NOT NULL,
        status smallint NOT NULL DEFAULT 0, claimed_at timestamptz, finished_at timestamptz
    ) WITH (fillfactor = 70);
    CREATE INDEX ON tasks (id) WHERE status = 0;
    CREATE INDEX open ON tasks (id) WHERE status < 2;
"""
INSERT = "INSERT INTO tasks (payload) SELECT unnest($1::jsonb[])"
_CLAIM = """
    WITH next AS (
        SELECT id FROM tasks WHERE status = 0 ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
    )
    UPDATE tasks t SET status = 1, claimed_at = now() FROM next WHERE t.id = next.id
    RETURNING t.id, t.payload
"""
_FINISH = "UPDATE tasks SET status = 2, finished_at = now() WHERE id = ANY ($1) AND status = 1"
_OPEN = "SELECT EXISTS (SELECT FROM tasks WHERE status < 2)"
_DONE = "SELECT count(*) FROM tasks WHERE status = 2"
_WORKERS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bench-raw'"


def params_of(number: int) -> str:
    """What an operation would be given."""
    params = {"service": "checkout", "number": number, "dry_run": True, "note": "x" * 150}
    return json.dumps(params)


async def work(dsn: str, executions: Executions | None = None) -> None:
    """Claim and finish until the process is ended."""
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "bench-raw"})
    while True:
        rows = await connection.fetch(_CLAIM, _CLAIM_MOST)
        for row in rows:
            json.loads(row["payload"])
            if executions is not None:
                executions.add()
        if rows:
            await connection.execute(_FINISH, [row["id"] for row in rows])
        else:
            await asyncio.sleep(_POLL_SECONDS)


async def round_of(apart: Apart, payloads: Sequence[str], *, batch: int, workers: int) -> float:
    """Tasks a second from the first insert to the last finish."""
    dsn = apart.grounds.installation.postgres.dsn(DATABASE)
    pool = await asyncpg.create_pool(dsn, min_size=_IN_FLIGHT, max_size=_IN_FLIGHT)
    try:
        await pool.execute(TABLE)
        async with _running(apart, pool, dsn, workers):
            begun = time.monotonic()
            await in_flight(payloads, batch, lambda part: pool.execute(INSERT, part))
            await _until(pool, _OPEN, wanted=False)
            seconds = time.monotonic() - begun
        if (done := await pool.fetchval(_DONE)) != len(payloads):
            raise BenchError(f"raw Postgres finished {done} of {len(payloads)} tasks")
        return len(payloads) / seconds
    finally:
        await pool.close()


async def in_flight(
    items: Sequence[Any], batch: int, submit: Callable[[Sequence[Any]], Awaitable[object]]
) -> None:
    """Submit all, `batch` at a time, sixteen submissions in flight."""
    starts = iter(range(0, len(items), batch))

    async def lane() -> None:
        for start in starts:
            await submit(items[start : start + batch])

    await asyncio.gather(*(lane() for _ in range(_IN_FLIGHT)))


async def make_database(apart: Apart) -> None:
    """A database beside Grace's own, on the same server."""
    await apart.grounds.installation.make_database(DATABASE)


@asynccontextmanager
async def _running(
    apart: Apart, pool: asyncpg.Pool[asyncpg.Record], dsn: str, workers: int
) -> AsyncIterator[None]:
    names = [f"raw-{number}" for number in range(workers)]
    for name in names:
        await apart.program(name, "load.raw", environment={_DSN: dsn})
    await _until(pool, _WORKERS, wanted=workers)
    yield
    await apart.stop(*names)


async def _until(pool: asyncpg.Pool[asyncpg.Record], query: str, *, wanted: object) -> None:
    async with asyncio.timeout(_WAIT_SECONDS * 6):
        while await pool.fetchval(query) != wanted:  # noqa: ASYNC110 - it happens in Postgres
            await asyncio.sleep(_POLL_SECONDS)


if __name__ == "__main__":
    uvloop.run(work(os.environ[_DSN]))
