"""The standing pull: one long request that the server fills as messages arrive (NATS ADR-37).

nats-py's fetch waits to fill a batch and can stall; this takes whatever has arrived.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from grace.kit.bus import is_delivery
from grace.kit.logs import Logger

MOST = 256
# Messages may have a megabyte; so much may be on the way at once.
_MOST_BYTES = 32 * 1024 * 1024
_EXPIRES = 30.0
_HEARTBEAT = 2.0
# ADR-37: two heartbeats missed in a row mean that the request is gone.
_SILENCE = 2 * _HEARTBEAT + 0.5
_DRAIN_SECONDS = 2.0


class StandingPull:
    """Keeps a pull request open on a durable consumer and hands out what has arrived."""

    def __init__(self, client: Client, stream: str, durable: str, log: Logger) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{durable}"
        self._log = log.bind(consumer=durable)
        self._arrived: deque[Msg] = deque()
        self._wake = asyncio.Event()
        self._wanted = 0
        self._last_sign = self._asked_at = time.monotonic()
        self._subscription: Subscription | None = None
        self._inbox = ""

    @property
    def silent_for(self) -> float:
        """Seconds since the server last gave a sign of life on this pull."""
        return time.monotonic() - self._last_sign

    @property
    def held(self) -> Sequence[Msg]:
        """What has arrived and was not handed out yet."""
        return tuple(self._arrived)

    async def open(self) -> None:
        """Subscribe and ask for the first messages."""
        self._inbox = self._client.new_inbox()
        self._subscription = await self._client.subscribe(self._inbox, cb=self._on_message)
        await self._ask()

    def restart(self) -> None:
        """The connection was lost: what the server had been asked for is forgotten there."""
        self._wanted = 0
        self._wake.set()

    def nudge(self) -> None:
        """Let take() return now, so that its caller looks up."""
        self._wake.set()

    async def close(self) -> None:
        """Take nothing more and give back what was not handed out."""
        if self._subscription is None:
            return
        with suppress(NatsError, TimeoutError):  # a lost connection: the ack wait gives back
            async with asyncio.timeout(_DRAIN_SECONDS):
                await self._subscription.drain()  # type: ignore[no-untyped-call]
        await put_back(self.held)
        self._arrived.clear()

    async def take(self) -> list[Msg]:
        """What has arrived, at most 256; empty after a while of nothing, so that callers look up."""
        if not self._arrived:
            await self._wait()
        batch = [self._arrived.popleft() for _ in range(min(MOST, len(self._arrived)))]
        if self._wanted <= MOST // 2:
            await self._ask()
        return batch

    async def _wait(self) -> None:
        self._wake.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_HEARTBEAT / 2):
                await self._wake.wait()
        if time.monotonic() - max(self._last_sign, self._asked_at) > _SILENCE:
            self._log.warning("pull.renewed", silent_s=round(self.silent_for, 1))
            self._wanted = 0

    async def _ask(self) -> None:
        more = MOST - self._wanted
        try:
            body = json.dumps(self._request(more)).encode()
            await self._client.publish(self._subject, body, reply=self._inbox)
        except NatsError as error:
            self._log.warning("pull.ask_failed", error=repr(error))
            return
        self._wanted += more
        self._asked_at = time.monotonic()

    def _request(self, more: int) -> dict[str, int]:
        return {
            "batch": more,
            "max_bytes": _MOST_BYTES,
            "expires": int(_EXPIRES * 1e9),
            "idle_heartbeat": int(_HEARTBEAT * 1e9),
        }

    async def _on_message(self, message: Msg) -> None:
        if is_delivery(message):
            self._last_sign = time.monotonic()
            self._wanted = max(0, self._wanted - 1)
            self._arrived.append(message)
            self._wake.set()
        else:
            self._on_status(message.headers or {})

    def _on_status(self, headers: dict[str, str]) -> None:
        status, pending = headers.get("Status", ""), headers.get("Nats-Pending-Messages", "")
        if status == "100":
            self._last_sign = time.monotonic()
            return
        # A request ended before it was full. One that tells how much was left ended well, and the
        # next one may follow at once; else the consumer is not there: ask again after a pause.
        self._wanted = max(0, self._wanted - int(pending)) if pending.isdigit() else 0
        if pending.isdigit() or status == "408":
            self._last_sign = time.monotonic()
            self._wake.set()


async def put_back(batch: Sequence[Msg], delay: float | None = None) -> None:
    """Have messages delivered again, after `delay` seconds. Where it fails the ack wait does it."""
    for message in batch:
        with suppress(NatsError):
            await message.nak(delay=delay)


async def acknowledge(batch: Sequence[Msg]) -> None:
    """Tell the server that they are handled. What gets lost comes again: handlers are idempotent."""
    for message in batch:
        with suppress(NatsError):
            await message.ack()


async def keep_alive(batch: Sequence[Msg]) -> None:
    """Tell the server that they are still in hand."""
    for message in batch:
        if not message.is_acked:
            with suppress(NatsError):
                await message.in_progress()
