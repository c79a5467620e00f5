"""procrastinate: jobs in Postgres, with a trigger that keeps their events."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence

import asyncpg
import procrastinate
from work import IN_FLIGHT, Executions, main, payload

DSN = os.environ["BENCH_DSN"]
_CONCURRENCY = 20
_OPEN = "SELECT count(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
_ENDED = "SELECT id FROM procrastinate_jobs WHERE id = ANY ($1) AND status = 'succeeded'"
_RECORDED = """
    SELECT count(*), count(*) FILTER (WHERE status = 'succeeded') FROM procrastinate_jobs
"""

app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(conninfo=DSN, min_size=1, max_size=IN_FLIGHT + 2)
)
executions = Executions()


@app.task(name="nothing")
async def nothing(**_: object) -> None:
    executions.add()


class Procrastinate:
    """Batches go in by one statement; workers are told by NOTIFY."""

    async def open(self) -> None:
        await app.open_async()
        self._watch = await asyncpg.connect(DSN)

    async def submit(self, numbers: Sequence[int]) -> list[str]:
        if len(numbers) == 1:
            return [str(await nothing.defer_async(**payload(numbers[0])))]
        return [str(job) for job in await nothing.batch_defer_async(*map(payload, numbers))]

    async def left(self, wanted: int) -> int:
        return await self._watch.fetchval(_OPEN)

    async def ended(self, ids: Collection[str]) -> Iterable[str]:
        return [str(row["id"]) for row in await self._watch.fetch(_ENDED, list(map(int, ids)))]

    async def recorded(self) -> tuple[int, int]:
        return tuple(await self._watch.fetchrow(_RECORDED))

    async def work(self) -> None:
        async with app.open_async():
            await app.run_worker_async(concurrency=_CONCURRENCY, listen_notify=True)


async def prepare() -> None:
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


if __name__ == "__main__":
    main(Procrastinate(), prepare)
