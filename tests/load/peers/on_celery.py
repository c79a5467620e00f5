"""Celery with nothing lost: durable queues, confirmed publishing, late acks, results in Postgres."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Collection, Iterable, Sequence

import asyncpg
from celery import Celery
from work import Executions, main, payload

DSN = os.environ["BENCH_DSN"]
_ENDED = "SELECT task_id FROM celery_taskmeta WHERE task_id = ANY ($1) AND status = 'SUCCESS'"
_DONE = "SELECT count(*) FROM celery_taskmeta"
_RECORDED = "SELECT count(*), count(*) FILTER (WHERE status = 'SUCCESS') FROM celery_taskmeta"

app = Celery(
    "bench",
    broker=os.environ["BENCH_BROKER"],
    backend=DSN.replace("postgresql://", "db+postgresql+psycopg2://"),
)
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_default_queue_type="classic",
    task_default_delivery_mode="persistent",
    broker_transport_options={"confirm_publish": True},
    worker_prefetch_multiplier=64,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
)
executions = Executions()


@app.task(name="nothing")
def nothing(_: dict[str, object]) -> str:
    executions.add()
    return "ok"


class CeleryDurable:
    """A message for each task, each confirmed by RabbitMQ before the next of its lane."""

    async def open(self) -> None:
        self._watch = await asyncpg.connect(DSN)

    async def submit(self, numbers: Sequence[int]) -> list[str]:
        return await asyncio.to_thread(lambda: [nothing.delay(payload(n)).id for n in numbers])

    async def left(self, wanted: int) -> int:
        return wanted - await self._watch.fetchval(_DONE)

    async def ended(self, ids: Collection[str]) -> Iterable[str]:
        return [row["task_id"] for row in await self._watch.fetch(_ENDED, list(ids))]

    async def recorded(self) -> tuple[int, int]:
        return tuple(await self._watch.fetchrow(_RECORDED))

    async def work(self) -> None:
        await asyncio.to_thread(_work)


def _work() -> None:
    name = f"bench{os.getpid()}@localhost"
    app.worker_main(["worker", "--pool=prefork", "--concurrency=1", "--without-gossip", "--without-mingle",
                     "--without-heartbeat", "--loglevel=ERROR", f"--hostname={name}"])  # fmt: skip


async def prepare() -> None:
    """The tables of the results."""
    session = app.backend.ResultSession()
    session.close()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        _work()
    else:
        main(CeleryDurable(), prepare)
