"""The limit: raw Postgres as a queue (load.raw), asked in the words of the peers."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence

import asyncpg
import uvloop
from load import raw
from load.peers.work import IN_FLIGHT, Executions, main

DSN = os.environ["BENCH_DSN"]
_INSERT = f"{raw.INSERT} RETURNING id"
_ENDED = "SELECT id FROM tasks WHERE id = ANY ($1) AND status = 2"
_LEFT = "SELECT count(*) FROM tasks WHERE status < 2"
_RECORDED = "SELECT count(*), count(*) FILTER (WHERE status = 2) FROM tasks"


class Raw:
    """Rows and nothing else."""

    async def open(self) -> None:
        self._pool = await asyncpg.create_pool(DSN, min_size=IN_FLIGHT, max_size=IN_FLIGHT)
        self._watch = await asyncpg.connect(DSN)

    async def submit(self, numbers: Sequence[int]) -> list[str]:
        rows = await self._pool.fetch(_INSERT, [raw.params_of(number) for number in numbers])
        return [str(row["id"]) for row in rows]

    async def left(self, wanted: int) -> int:
        return await self._watch.fetchval(_LEFT)

    async def ended(self, ids: Collection[str]) -> Iterable[str]:
        return [str(row["id"]) for row in await self._watch.fetch(_ENDED, list(map(int, ids)))]

    async def recorded(self) -> tuple[int, int]:
        return tuple(await self._watch.fetchrow(_RECORDED))

    async def work(self) -> None:
        await raw.work(DSN, Executions())


async def prepare() -> None:
    connection = await asyncpg.connect(DSN)
    await connection.execute(raw.TABLE)
    await connection.close()


if __name__ == "__main__":
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    main(Raw(), prepare)
