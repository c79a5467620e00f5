"""taskiq on JetStream: a durable stream for the tasks, a second one for their results."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import nats
from nats.js.api import ConsumerConfig, StreamConfig
from taskiq import AsyncResultBackend, TaskiqResult
from taskiq.api import run_receiver_task
from taskiq_nats import PullBasedJetStreamBroker
from work import Executions, main, payload

_URL, _SEED = os.environ["BENCH_NATS"], os.environ["BENCH_NATS_SEED"]
_NAME = os.environ["BENCH_STREAMS"]
_TASKS, _RESULTS = f"{_NAME}_tasks", f"{_NAME}_results"
_PULL = 100
_ACK_SECONDS = 60.0
_MOST_AT_ONCE = 256


class Results(AsyncResultBackend[Any]):
    """One stored message for a result: less than the object store that comes with taskiq-nats does."""

    async def startup(self) -> None:
        self._client = await nats.connect(_URL, nkeys_seed=_SEED)
        self._stream = self._client.jetstream()

    async def set_result(self, task_id: str, result: TaskiqResult[Any]) -> None:
        await self._stream.publish(f"{_RESULTS}.{task_id}", result.model_dump_json().encode())

    async def get_result(self, task_id: str, with_logs: bool = False) -> TaskiqResult[Any]:  # noqa: FBT002
        found = await self._stream.get_last_msg(_RESULTS, f"{_RESULTS}.{task_id}")
        return TaskiqResult.model_validate_json(found.data or b"")

    async def is_result_ready(self, task_id: str) -> bool:
        try:
            await self.get_result(task_id)
        except nats.js.errors.NotFoundError:
            return False
        return True


broker = PullBasedJetStreamBroker(
    _URL,
    subject=f"{_TASKS}.one",
    stream_name=_TASKS,
    durable="bench",
    stream_config=StreamConfig(name=_TASKS, subjects=[f"{_TASKS}.one"]),
    consumer_config=ConsumerConfig(
        durable_name="bench", ack_wait=_ACK_SECONDS, max_ack_pending=10_000
    ),
    pull_consume_batch=_PULL,
    pull_consume_timeout=0.05,
    nkeys_seed=_SEED,
).with_result_backend(Results())
executions = Executions()


@broker.task(task_name="nothing")
async def nothing(_: dict[str, object]) -> str:
    executions.add()
    return "ok"


class Taskiq:
    """A batch is as many messages, published together."""

    def __init__(self) -> None:
        self._ended: set[str] = set()

    async def open(self) -> None:
        await broker.startup()
        client = await nats.connect(_URL, nkeys_seed=_SEED)
        self._stream = client.jetstream()
        # Out of the stream: what a plain subscription hears is not stored yet.
        await self._stream.subscribe(f"{_RESULTS}.*", ordered_consumer=True, cb=self._on_result)

    async def _on_result(self, message: Any) -> None:
        self._ended.add(message.subject.rpartition(".")[2])

    async def submit(self, numbers: Sequence[int]) -> list[str]:
        sent = await asyncio.gather(*(nothing.kiq(payload(number)) for number in numbers))
        return [each.task_id for each in sent]

    async def left(self, wanted: int) -> int:
        return wanted - len(self._ended)

    async def ended(self, ids: Collection[str]) -> Iterable[str]:
        return [task_id for task_id in ids if task_id in self._ended]

    async def recorded(self) -> tuple[int, int]:
        tasks, results = [(await self._stream.stream_info(n)).state for n in (_TASKS, _RESULTS)]
        return tasks.messages, results.messages

    async def work(self) -> None:
        await run_receiver_task(broker, run_startup=True, max_async_tasks=_MOST_AT_ONCE)


async def prepare() -> None:
    client = await nats.connect(_URL, nkeys_seed=_SEED)
    stream = client.jetstream()
    for name, subject in ((_TASKS, f"{_TASKS}.one"), (_RESULTS, f"{_RESULTS}.*")):
        await stream.add_stream(name=name, subjects=[subject])
    await client.close()


if __name__ == "__main__":
    main(Taskiq(), prepare)
