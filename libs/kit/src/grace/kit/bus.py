"""The NATS connection of a service: it never gives up, and a connection closed for good is fatal."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from faststream import AckPolicy
from faststream.nats import NatsBroker
from faststream.nats.security import NatsNKey
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import ConnectionReconnectingError
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from grace.contracts.permissions import inbox_prefix
from grace.kit import flushing, metrics
from grace.kit.ending import end_tasks
from grace.kit.logs import Logger
from grace.kit.settings import ServiceSettings, SettingsError

if TYPE_CHECKING:
    from grace.kit.runtime import Runtime

# A server that is away gives the same reason several times a second.
_REPEAT_SECONDS = 10.0
_MOST_REASONS = 100
_HANDSHAKE_SECONDS = 1.0
_FLUSH_SECONDS = 2.0
_NEVER_SECONDS = 10**9


def make_broker(
    runtime: Runtime, *, on_reconnect: Callable[[], None], on_close: Callable[[], None]
) -> NatsBroker:
    """A broker that is not connected yet. FastStream serves requests on it, nats-py does the rest.

    Raises SettingsError when the seed file cannot be read.
    """
    settings = runtime.settings
    broker = NatsBroker(
        settings.nats_url,
        name=f"grace-{runtime.name}",
        security=NatsNKey.from_file(_readable(settings)),
        inbox_prefix=inbox_prefix(runtime.name),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,  # type: ignore[arg-type]  # seconds; nats-py takes fractions
        connect_timeout=2,
        # A dead peer is noticed within half a minute.
        ping_interval=10,
        max_outstanding_pings=2,
        ack_policy=AckPolicy.MANUAL,
        graceful_timeout=None,  # Running waits for the requests in hand
        logger=None,
        # A handler takes the message as it is: looking for dependencies takes a thread each time,
        # and making models of its arguments most of the start.
        apply_types=False,
        serializer=None,
    )
    # FastStream wraps the error callback and raises out of it: an authorization timeout of a busy
    # server would end nats-py's reconnecting without a word. So the callbacks go in behind it.
    broker._connection_kwargs.update(_callbacks(runtime, on_reconnect, on_close))  # noqa: SLF001
    return broker


async def connect(broker: NatsBroker) -> Client:
    """Connect, as long as it takes.

    Cancelled in its handshake, nats-py would leave the socket open: the handshake may end first.
    """
    connecting = asyncio.ensure_future(broker.connect())
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        done, late = await asyncio.wait([connecting], timeout=_HANDSHAKE_SECONDS)
        await end_tasks(late)
        for each in done:
            if not each.cancelled() and each.exception() is None:
                await each.result().close()
        raise


async def flush(client: Client, on_wait: Callable[[], None]) -> None:
    """Wait until the server has all that was sent, as long as it takes; tell of it now and then.

    No flush is given up on a connection that lives: the answer that still came to it would end
    nats-py's reader, and the client were deaf. A new connection is asked anew.
    """
    asked: set[asyncio.Task[None]] = set()
    connection = -1
    try:
        while True:
            if client.stats["reconnects"] != connection:
                connection = client.stats["reconnects"]
                asked.add(asyncio.create_task(flushing.flush(client, _NEVER_SECONDS)))
            done, _ = await asyncio.wait(
                asked, timeout=_FLUSH_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if done:
                return await done.pop()
            on_wait()
    finally:
        await end_tasks(asked)


class Publishing(JetStreamContext):
    """JetStream, whose refusals arrive.

    nats-py 2.16 raises a refusal of `publish_async` (a stream is full) where it means to hand it over:
    whoever waits for the answer would wait for ever, and hold a place meanwhile.
    """

    async def _handle_async_reply(self, msg: Msg) -> None:
        try:
            await super()._handle_async_reply(msg)
        except NatsError as refusal:
            answer = self._publish_async_futures.get(msg.subject.rpartition(".")[2])
            if answer is not None and not answer.done():
                answer.set_exception(refusal)


def _readable(settings: ServiceSettings) -> str:
    """The seed file's path, if it can be read: the library's own error would come late."""
    file = settings.nats_seed_file
    try:
        file.read_bytes()
    except OSError as error:
        raise SettingsError(f"cannot read the NATS seed file {file}: {error.strerror}") from None
    return str(file)


def _callbacks(
    runtime: Runtime, on_reconnect: Callable[[], None], on_close: Callable[[], None]
) -> dict[str, Any]:
    complaints = Complaints(runtime.log)
    refused = metrics.PERMISSION_VIOLATIONS.labels(runtime.name)

    def is_wanted() -> bool:
        """A start that was given up has no client yet, and closes what it still got."""
        return hasattr(runtime, "client") and not runtime.stopping.is_set()

    async def on_error(error: Exception) -> None:
        # nats-py lower-cases what the server says.
        if "permissions violation" in str(error).lower():
            refused.inc()
        complaints.tell(error)

    async def on_disconnect() -> None:
        if is_wanted():
            runtime.log.warning("nats.disconnected")
        if hasattr(runtime, "client"):
            _give_up_answers(runtime.client, runtime.stream)

    async def reconnected() -> None:
        runtime.log.info("nats.reconnected")
        on_reconnect()

    async def closed() -> None:
        if is_wanted():
            on_close()

    return {
        "error_cb": on_error,
        "disconnected_cb": on_disconnect,
        "reconnected_cb": reconnected,
        "closed_cb": closed,
    }


def _give_up_answers(client: Client, stream: JetStreamContext) -> None:
    """No answer to what was asked on a lost connection can come: the server forgot who may give it.

    nats-py would wait for each until its timeout.
    """
    for waiting in (client._resp_map, stream._publish_async_futures):  # noqa: SLF001
        for answer in list(waiting.values()):
            if not answer.done():
                answer.set_exception(ConnectionReconnectingError())


class Complaints:
    """Logs what goes wrong on the connection, the same thing once in a while only."""

    def __init__(self, log: Logger) -> None:
        self._log = log
        self._told: dict[str, float] = {}

    def tell(self, error: Exception) -> None:
        """Log it unless it was logged a moment ago."""
        reason, now = repr(error), time.monotonic()
        if now - self._told.get(reason, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
            return
        if len(self._told) >= _MOST_REASONS:
            self._told.clear()
        self._told[reason] = now
        self._log.warning("nats.error", error=reason)


async def drain(broker: NatsBroker) -> None:
    """Take no more requests, but have those handed over that the server had sent already.

    FastStream alone keeps its subscriptions while it waits, and drops without an answer what
    arrives meanwhile.
    """
    for subscriber in broker.subscribers:
        subscription = getattr(subscriber, "subscription", None)
        if subscription is not None:
            await subscription.drain()
            subscriber.subscription = None  # type: ignore[attr-defined]  # it must not be ended twice


def is_delivery(message: Msg) -> bool:
    """Whether JetStream delivered it. A status has no reply, and headers can be anybody's."""
    return message.reply.startswith("$JS.ACK.")
