"""Takes batches off one durable consumer and opens their messages; bisection.py handles them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from nats.aio.msg import Msg

from grace.contracts.permissions import durable
from grace.kit import metrics, pull
from grace.kit.bisection import Bisection, Opened
from grace.kit.ending import end_tasks
from grace.kit.envelope import KEY_ID, MESSAGE_ID, SIGNATURE, Raw, Received, Refusal, open_message
from grace.kit.errors import GraceError
from grace.kit.harvest import Harvest
from grace.kit.keys import Keys
from grace.kit.pull import StandingPull
from grace.kit.stream import BatchRoute
from grace.kit.text import harmless
from grace.kit.unit import Rejected

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

_RETRY_SECONDS = 1.0


class Intake:
    """One subject of one service."""

    def __init__(self, runtime: Runtime, route: BatchRoute) -> None:
        self._runtime = runtime
        self._route = route
        self.consumer = durable(runtime.name, route.spec.name)
        self._log = runtime.log.bind(consumer=self.consumer)
        self.pull = self._pull()
        self._bisection = Bisection(runtime, route, self.consumer)
        self._busy_since: float | None = None

    def _pull(self) -> StandingPull:
        client, stream, every = self._runtime.client, self._route.spec.stream, self._route.every
        if every is None:
            return StandingPull(client, stream, self.consumer, self._log)
        return Harvest(client, stream, self.consumer, self._log, every=every)

    @property
    def busy_for(self) -> float:
        """Seconds since the batch in hand was taken; 0 where there is none."""
        return 0.0 if self._busy_since is None else time.monotonic() - self._busy_since

    async def run(self) -> None:
        """Handle batches until the service stops; what is not begun by then goes back."""
        await self.pull.open()
        try:
            while not self._runtime.stopping.is_set():
                batch = await self.pull.take()
                if batch:
                    await self._guarded(batch)
        finally:
            await self.pull.close()

    async def _guarded(self, batch: list[Msg]) -> None:
        """No exception ends the consumer: what cannot be handled now is delivered again."""
        beating = asyncio.create_task(self._keep_alive(batch))
        self._busy_since = time.monotonic()
        try:
            await self._bisection.handle(await self._open_all(batch))
        except Exception:  # noqa: BLE001 - the edge: a batch must not take the consumer down
            metrics.HANDLER_FAILURES.labels(self._runtime.name, self._route.spec.name).inc()
            self._log.exception("batch.failed", messages=len(batch))
            await pull.put_back(batch, _RETRY_SECONDS)
        finally:
            self._busy_since = None
            await end_tasks([beating])

    async def _keep_alive(self, batch: Sequence[Msg]) -> None:
        """Tell the server that a slow batch, and what waits behind it, is still in hand."""
        pause = self._runtime.settings.nats_ack_wait.total_seconds() / 3
        while True:
            await asyncio.sleep(pause)
            await pull.keep_alive([*batch, *self.pull.held])

    async def _open_all(self, batch: Sequence[Msg]) -> list[Opened]:
        """Check every message; those by a key that identity cannot be asked about now go back."""
        raws = [(message, raw_of(message)) for message in batch]
        wanted = {key_id for _, raw in raws if (key_id := key_id_of(raw))}
        keys = self._runtime.keys
        try:
            await keys.learn(wanted)
        except GraceError as error:
            self._log.warning("key.not_learnt", error=error.detail)
            unknown = keys.unknown(wanted)
            await pull.put_back([m for m, raw in raws if key_id_of(raw) in unknown], _RETRY_SECONDS)
            raws = [(m, raw) for m, raw in raws if key_id_of(raw) not in unknown]
        return [Opened(message, raw, open_raw(raw, self._route, keys)) for message, raw in raws]


def open_raw(raw: Raw, route: BatchRoute, keys: Keys) -> Received[Any] | Rejected:
    """Check a message, in whatever form it came, with the keys that are known."""
    try:
        read = _translated(raw, route)
        opened = open_message(read, route.spec, keys)
        return opened if read is raw else replace(opened, raw=raw.data)
    except Refusal as refusal:
        message_id = harmless(raw.headers.get(MESSAGE_ID, ""), 256) or raw.place
        return Rejected(raw, message_id, refusal.reason, refusal.detail)


def _translated(raw: Raw, route: BatchRoute) -> Raw:
    """Return what an unsigned message of another form stands for; Refusal if it cannot be read."""
    if route.translate is None or raw.headers.get(SIGNATURE) is not None:
        return raw
    try:
        found = route.translate(raw.headers, raw.data, raw.at)
    except ValueError as error:
        raise Refusal("schema", str(error)) from None
    if found is None:
        return raw
    identity, data = found
    return replace(raw, data=data, identity=identity)


def key_id_of(raw: Raw) -> str:
    """The id of the key that it claims to be signed with; empty for an unsigned one."""
    return raw.headers.get(KEY_ID, "") if raw.headers.get(SIGNATURE) else ""


def raw_of(message: Msg) -> Raw:
    """A delivery as it arrived; its place names it once and for all, even in another stream."""
    data = message.metadata
    place = f"{data.stream}:{data.sequence.stream}:{data.timestamp.isoformat()}"
    return Raw(
        message.subject,
        message.data,
        message.headers or {},
        place,
        data.timestamp,
        data.num_delivered,
    )
