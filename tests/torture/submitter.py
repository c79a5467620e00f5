"""Verification's name and key: submits until it is answered, and hears what ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from uuid import UUID

from load.apart import Grounds
from torture.books import Books
from torture.orders import Order

from grace.contracts.htm import SubmitTasks, SubmittedTask, TasksFinished, TaskSpec
from grace.kit import (
    GraceError,
    Received,
    Runtime,
    Service,
    ServiceSettings,
    Stream,
    Unit,
    running,
)
from grace.stack.installation import migrations_of

_CALL_SECONDS = 3.0
_AGAIN_SECONDS = 0.1
_LARGEST = 40
_AT_ONCE = 8
_REPEATED = 20


class Submitter:
    """Patient: a call that was not answered is made again, with the same keys."""

    def __init__(self, grounds: Grounds, books: Books, seed: int) -> None:
        self._grounds = grounds
        self._books = books
        self._dice = Random(f"submissions of {seed}")
        self._runtime: Runtime | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connected for the length of the block."""
        values = self._grounds.installation.settings("verification", self._grounds.database)
        known = {k: v for k, v in values.items() if k in ServiceSettings.model_fields}
        service = Service("verification", ServiceSettings(**known))
        service.migrations = migrations_of("verification")
        service.handle(Stream().on(TasksFinished, self._on_finished))
        async with running(service) as self._runtime:
            yield

    async def _on_finished(self, messages: Sequence[Received[TasksFinished]], _: Unit) -> None:
        for message in messages:
            for task in message.body.tasks:
                self._books.told[UUID(task.task_id)].add((message.id, task.outcome))

    async def submit(self, orders: Sequence[Order]) -> None:
        """Have all taken in, in requests of various sizes, several at the same time."""
        gate = asyncio.Semaphore(_AT_ONCE)

        async def one(batch: Sequence[Order]) -> None:
            async with gate:
                await self._take_in(batch)

        await asyncio.gather(*(one(batch) for batch in self._cut(orders)))

    def _cut(self, orders: Sequence[Order]) -> list[Sequence[Order]]:
        batches, start = list[Sequence[Order]](), 0
        while start < len(orders):
            size = self._dice.randint(1, _LARGEST)
            batches.append(orders[start : start + size])
            start += size
        return batches

    async def _take_in(self, orders: Sequence[Order]) -> None:
        answers = await self._ask([order.spec for order in orders])
        for order, answer in zip(orders, answers, strict=True):
            self._books.accept(order, UUID(answer.task_id), answer.outcome)

    async def again(self, number: int) -> None:
        """The same orders by several at once: they are the tasks that they were."""
        orders = self._some(number)
        await asyncio.gather(*(self._take_in(orders) for _ in range(_AT_ONCE)))
        self._books.repeated += len(orders) * _AT_ONCE

    async def other(self, number: int) -> None:
        """Other orders under the same keys: each is a conflict, and nothing else."""
        orders = self._some(number)
        changed = [o.spec.model_copy(update={"target": "elsewhere"}) for o in orders]
        for order, answer in zip(orders, await self._ask(changed), strict=True):
            if answer.outcome != "conflict":
                self._books.contradictions.append(f"{order.key}: another body is {answer.outcome}")
        self._books.repeated += len(orders)

    def _some(self, number: int) -> list[Order]:
        known = [order for order, _ in self._books.accepted.values()]
        return Random(number).sample(known, min(_REPEATED, len(known)))

    async def _ask(self, specs: Sequence[TaskSpec]) -> Sequence[SubmittedTask]:
        assert self._runtime is not None
        if not specs:
            return ()
        request = SubmitTasks(tasks=tuple(specs))
        while True:
            try:
                return (await self._runtime.call(request, timeout=_CALL_SECONDS)).tasks
            except GraceError as error:
                self._runtime.log.info("submission.again", error=error.detail)
                await asyncio.sleep(_AGAIN_SECONDS)
