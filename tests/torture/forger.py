"""Somebody with a worker's key who lies, repeats old reports, and sends what cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import nats
from load.apart import Grounds
from nats.aio.client import Client
from nats.errors import Error as NatsError
from torture.books import Books
from torture.oracle import Oracle

from grace.contracts.htm import TaskReports, TaskSubmit, TaskUpdate, TaskUpdateStatus
from grace.contracts.permissions import inbox_prefix
from grace.contracts.subjects import SUBJECTS
from grace.kit import Runtime, Service, ServiceSettings, envelope, new_id, running
from grace.kit.envelope import MESSAGE_ID, SCHEMA

_MOST = 20
_AGAIN_SECONDS = 0.2
_LOOK_SECONDS = 0.02
_REPORTS, _SUBMISSIONS = TaskUpdate.SUBJECT, TaskSubmit.SUBJECT
_NOWHERE = {
    "key": "poison", "type": "poison", "kernel": "no.kernel", "origin": "outside",
    "operation": "poison", "step": "apply", "target": "torture", "params": "{}", "priority": 0,
    "timeout_ms": 1000, "max_attempts": 1, "sla_ms": 1000, "tenant_id": "default",
}  # fmt: skip


class Forger:
    """Reports through the worker's key, and writes raw bytes as anybody can."""

    def __init__(self, grounds: Grounds, books: Books, oracle: Oracle) -> None:
        self._grounds = grounds
        self._books = books
        self._oracle = oracle
        self._runtime: Runtime | None = None
        self._anybody: Client | None = None
        self._sent: dict[str, tuple[bool, str, dict[str, str], bytes]] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Connected for the length of the block."""
        installation = self._grounds.installation
        values = installation.settings("worker", self._grounds.database)
        known = {k: v for k, v in values.items() if k in ServiceSettings.model_fields}
        self._anybody = await nats.connect(
            installation.nats.url,
            nkeys_seed=str(installation.nats.seed_file("outside")),
            inbox_prefix=inbox_prefix("outside").encode(),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
            error_cb=_keep_quiet,
        )
        try:
            async with running(Service("worker", ServiceSettings(**known))) as self._runtime:
                yield
        finally:
            await self._anybody.close()

    async def foreign(self) -> None:
        """Say of tasks in others' hands that they are done."""
        held = await self._oracle.held(_MOST)
        await self._report([_done(t["id"], t["attempt_number"], "forger") for t in held])

    async def old(self) -> None:
        """Say what an attempt that is over would have said, of tasks that have gone on or ended."""
        ended = await self._oracle.ended_attempts(_MOST)
        await self._report(
            [_done(t["task_id"], t["attempt_number"], t["worker_id"]) for t in ended]
        )

    async def of_still(self, name: str, still: asyncio.Task[None]) -> None:
        """Say of all that a worker holds which stands still that it is done: it says nothing itself.

        First as another; then, whenever somebody takes a task over, late and in its own name.
        """
        held = await self._oracle.in_hand(name)
        await self._report([_done(t["id"], t["attempt_number"], "forger") for t in held])
        said: set[tuple[Any, int]] = set()
        while not still.done():
            over = [
                t for t in await self._oracle.taken_over(name)
                if (t["task_id"], t["attempt_number"]) not in said
            ]  # fmt: skip
            await self._report(
                [_done(t["task_id"], t["attempt_number"], t["worker_id"]) for t in over]
            )
            said |= {(t["task_id"], t["attempt_number"]) for t in over}
            await asyncio.sleep(_LOOK_SECONDS)

    async def again(self, number: int) -> None:
        """Send reports a second time."""
        rows = await self._oracle.reports(number, _MOST)
        await self._report(
            [
                _update(r["task_id"], r["attempt_number"], r["worker_id"], r["status"])
                for r in rows
                if r["status"] == "completed"
            ]
        )

    async def _report(self, updates: Sequence[TaskUpdate]) -> None:
        assert self._runtime is not None
        if updates:
            self._books.forged += len(updates)
            await self._runtime.report(TaskReports(updates=tuple(updates)))

    async def poison(self) -> None:
        """What nobody can act on: five kinds, each kept in the quarantine."""
        assert self._runtime is not None
        stranger = _done(new_id(), 1, "forger")
        route = TaskSubmit.model_validate({"tasks": [_NOWHERE]}).to_bytes()
        await self._send(_SUBMISSIONS, TaskSubmit.SCHEMA, b"{not json", outside=True)
        await self._send(_SUBMISSIONS, TaskSubmit.SCHEMA, b'{"tasks": 5}', outside=True)
        await self._send(_SUBMISSIONS, TaskSubmit.SCHEMA, route, outside=True)
        await self._send(_REPORTS, TaskUpdate.SCHEMA, stranger.to_bytes())
        await self._send(_REPORTS, TaskUpdate.SCHEMA, stranger.to_bytes(), signed=stranger)

    async def _send(
        self, subject: str, schema: str, body: bytes, *,
        outside: bool = False, signed: TaskUpdate | None = None,
    ) -> None:  # fmt: skip
        assert self._runtime is not None
        identity = new_id()
        headers = {MESSAGE_ID: str(identity), SCHEMA: schema}
        if signed is not None:
            headers = envelope.headers_of(
                self._runtime.keys, signed, subject=subject, identity=identity, data=body
            )
        self._sent[str(identity)] = (outside, subject, headers, body)
        await self._publish(str(identity))

    async def repeat(self, missing: set[str]) -> None:
        """Send again what a lost stream took with it: whoever publishes from outside has to."""
        for identity in missing & self._sent.keys():
            await self._publish(identity)

    async def _publish(self, identity: str) -> None:
        assert self._runtime is not None
        assert self._anybody is not None
        outside, subject, headers, body = self._sent[identity]
        client = self._anybody if outside else self._runtime.client
        while True:
            self._books.poison[identity] += 1
            try:
                await client.jetstream(timeout=2).publish(
                    subject, body, stream=SUBJECTS[subject].stream, headers=dict(headers)
                )
            except (NatsError, OSError):
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                return


def _done(task_id: Any, attempt_number: int, worker_id: str) -> TaskUpdate:
    return _update(task_id, attempt_number, worker_id, TaskUpdateStatus.completed)


def _update(task_id: Any, attempt_number: int, worker_id: str, status: str) -> TaskUpdate:
    return TaskUpdate(
        task_id=str(task_id),
        status=TaskUpdateStatus(status),
        worker_id=worker_id,
        attempt_number=attempt_number,
        at=datetime.now(UTC),
    )


async def _keep_quiet(_: Exception) -> None:
    """A server that is away is what this is about."""
