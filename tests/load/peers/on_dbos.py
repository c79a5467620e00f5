"""DBOS: workflows in Postgres; its queue is polled every 10 ms, a hundred times as often as by default."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence

import asyncpg
from dbos import DBOS, DBOSClient
from work import Executions, main, payload

DSN = os.environ["BENCH_DSN"]
_POLL_SECONDS = 0.01
_CONCURRENCY = 100
_VERSION = "bench"
_OPEN = "SELECT count(*) FROM dbos.workflow_status WHERE status IN ('ENQUEUED', 'PENDING')"
_ENDED = """
    SELECT workflow_uuid FROM dbos.workflow_status
     WHERE workflow_uuid = ANY ($1) AND status = 'SUCCESS'
"""
_RECORDED = "SELECT count(*), count(*) FILTER (WHERE status = 'SUCCESS') FROM dbos.workflow_status"

executions = Executions()


def build() -> None:
    DBOS(config={
        "name": "bench", "system_database_url": DSN, "application_version": _VERSION,
        "log_level": "WARNING", "console_log_level": "WARNING",
    })  # fmt: skip

    @DBOS.workflow(name="nothing")
    async def nothing(_: dict[str, object]) -> None:
        executions.add()


class Dbos:
    """It has no way to enqueue several workflows at once: a batch is as many calls."""

    async def open(self) -> None:
        self._client = DBOSClient(system_database_url=DSN)
        self._watch = await asyncpg.connect(DSN)

    async def submit(self, numbers: Sequence[int]) -> list[str]:
        return [await self._enqueue(number) for number in numbers]

    async def _enqueue(self, number: int) -> str:
        handle = await self._client.enqueue_async(
            {"workflow_name": "nothing", "queue_name": "bench", "app_version": _VERSION},
            payload(number),
        )
        return handle.get_workflow_id()

    async def left(self, wanted: int) -> int:
        return await self._watch.fetchval(_OPEN)

    async def ended(self, ids: Collection[str]) -> Iterable[str]:
        return [row["workflow_uuid"] for row in await self._watch.fetch(_ENDED, list(ids))]

    async def recorded(self) -> tuple[int, int]:
        return tuple(await self._watch.fetchrow(_RECORDED))

    async def work(self) -> None:
        build()
        DBOS.launch()
        await asyncio.Event().wait()


async def prepare() -> None:
    build()
    DBOS.launch()
    await DBOS.register_queue_async(
        "bench", worker_concurrency=_CONCURRENCY, polling_interval_sec=_POLL_SECONDS
    )
    DBOS.destroy()


if __name__ == "__main__":
    main(Dbos(), prepare)
